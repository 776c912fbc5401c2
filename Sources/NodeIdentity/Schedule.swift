/// When things are done again. Times in seconds since 1970, `chance` from 0 up to 1.
enum Schedule {
    /// Renewal of an SVID: half of its life, give or take a tenth of that.
    static func renewal(notBefore: Int64, notAfter: Int64, chance: Double) -> Int64 {
        let half = Double(notAfter - notBefore) / 2
        return notBefore + Int64(half * (0.9 + 0.2 * chance))
    }

    /// Pause before a replacement that all nodes are told to make at the same moment: up to five seconds.
    static func replacement(chance: Double) -> Duration { .seconds(5 * chance) }

    /// How long a node stays with an authority when all were cut off from one another: about a minute.
    static func lookAround(chance: Double) -> Duration { .seconds(45 + 30 * chance) }

    /// Pause before try number `failures` + 1 of something that failed: from half a second, doubling up to a minute, the
    /// later half of it by chance.
    static func retry(failures: Int, chance: Double) -> Duration {
        let longest = min(0.5 * Double(1 << min(failures, 8)), 60)
        return .seconds(longest * (0.5 + 0.5 * chance))
    }
}
