package import Identity

/// What a backup says of itself.
package struct BackupFormat: Equatable {
    package let trustDomain: TrustDomain
    /// Seconds since 1970.
    package let madeAt: Int64

    private static let title = "podshield authority backup 1"
    private static let keys = ["trust-domain", "made-at"]

    package var text: String {
        "\(Self.title)\n\(Self.keys[0]) \(trustDomain.name)\n\(Self.keys[1]) \(madeAt)\n"
    }

    init(trustDomain: TrustDomain, madeAt: Int64) {
        self.trustDomain = trustDomain
        self.madeAt = madeAt
    }

    /// Nil for one of another version.
    package init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.split(separator: " ") }
        guard lines.count == 4, lines[1].count == 2, lines[2].count == 2, let madeAt = Int64(lines[2][1]),
            let trustDomain = try? TrustDomain(String(lines[1][1]))
        else { return nil }
        self.init(trustDomain: trustDomain, madeAt: madeAt)
        guard self.text == text else { return nil }
    }
}
