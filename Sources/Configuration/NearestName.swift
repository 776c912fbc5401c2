/// Which of the known names a mistyped one was meant to be.
enum NearestName {
    /// Nil when none is near enough to be a guess: more than a third of the letters differ.
    static func to(_ name: String, among known: [String]) -> String? {
        let distances = known.map { (name: $0, distance: distance(Array(name.utf8), Array($0.utf8))) }
        guard let best = distances.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= max(1, best.name.utf8.count / 3) ? best.name : nil
    }

    /// Levenshtein's: insertions, deletions and exchanges.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        guard a.count <= 64 else { return .max }
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let exchange = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(exchange, row[j] + 1, diagonal + 1)
            }
        }
        return row[b.count]
    }
}
