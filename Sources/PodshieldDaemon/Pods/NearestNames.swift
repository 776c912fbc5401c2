/// Which existing names may have been meant by one that does not exist.
enum NearestNames {
    /// Those that differ from `name` in at most a third of its letters, or begin as it does; nearest first.
    static func of(_ name: String, among existing: some Sequence<String>, most: Int) -> [String] {
        let letters = Array(name.utf8.prefix(longest))
        let limit = max(letters.count / 3, 1)
        let near = existing.compactMap { candidate -> (distance: Int, name: String)? in
            let distance = distance(letters, Array(candidate.utf8.prefix(longest)))
            return distance <= limit || candidate.hasPrefix(name) ? (distance, candidate) : nil
        }
        return near.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(most).map(\.name)
    }

    /// Bytes that are compared: the work is the square of it.
    private static let longest = 256

    /// Insertions, deletions, replacements and exchanges of neighbours that make one of the other (Damerau, restricted).
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in 1...a.count {
            var row = [i] + [Int](repeating: 0, count: b.count)
            for j in 1...b.count {
                let replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
                row[j] = min(row[j - 1] + 1, last[j] + 1, replaced)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    row[j] = min(row[j], beforeLast[j - 2] + 1)
                }
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}
