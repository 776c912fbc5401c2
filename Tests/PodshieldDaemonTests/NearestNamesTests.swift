import Testing

@testable import PodshieldDaemon

@Suite struct NearestNamesTests {
    @Test(arguments: [
        ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("web-0", "web-0", 0), ("wbe-0", "web-0", 1),
        ("web-1", "web-0", 1), ("web0", "web-0", 1), ("web--0", "web-0", 1), ("abcd", "dcba", 3),
        // A transposed pair is not edited again: the restricted distance.
        ("ca", "abc", 3),
    ])
    func distances(a: String, b: String, expected: Int) {
        #expect(NearestNames.distance(Array(a.utf8), Array(b.utf8)) == expected)
        #expect(NearestNames.distance(Array(b.utf8), Array(a.utf8)) == expected)
    }

    @Test func theNearestComeFirstAndNoMoreThanAsked() {
        let names = ["web-0", "web-1", "wed-0", "db-0", "webserver", "unrelated"]
        #expect(NearestNames.of("web-0", among: names, most: 3) == ["web-0", "web-1", "wed-0"])
        #expect(NearestNames.of("web", among: names, most: 9) == ["web-0", "web-1", "webserver"])
        #expect(NearestNames.of("zzzzz", among: names, most: 3).isEmpty)
        #expect(NearestNames.of("web-0", among: names, most: 0).isEmpty)
        #expect(NearestNames.of("web-0", among: [String](), most: 3).isEmpty)
    }

    /// Names come from whoever may ask: the work they make is bounded.
    @Test(.timeLimit(.minutes(1))) func longNamesCostLittle() {
        let long = String(repeating: "x", count: 1 << 20)
        #expect(NearestNames.of(long, among: Array(repeating: long, count: 100), most: 1) == [long])
    }
}
