/// A file of a backup. There are no others, and none twice.
package enum BackupMember: Hashable {
    /// What it is; comes first.
    case format
    /// The CA that signs.
    case certificate
    /// A key of a CA or for JWT-SVIDs, by the name of its file.
    case key(String)
    case registry
    /// SHA-256 of all before it, as `sha256sum` writes and reads them; comes last.
    case digests

    /// Of one backup: 15 CAs are trusted at once at most, and a handful of keys sign tokens.
    static let mostKeys = 60

    /// Nil for what no backup has. A name leads nowhere else.
    package init?(name: String) {
        switch name {
        case "FORMAT": self = .format
        case "ca.pem": self = .certificate
        case "authority.sqlite": self = .registry
        case "SHA256SUMS": self = .digests
        case _ where Self.isKey(name): self = .key(name)
        default: return nil
        }
    }

    package var name: String {
        switch self {
        case .format: "FORMAT"
        case .certificate: "ca.pem"
        case .key(let name): name
        case .registry: "authority.sqlite"
        case .digests: "SHA256SUMS"
        }
    }

    /// `ca.key`, `ca-FINGERPRINT.key`, `jwt-KEYID.key`.
    private static func isKey(_ name: String) -> Bool {
        guard name.hasSuffix(".key"), name.utf8.count <= TarHeader.longestName else { return false }
        let stem = name.dropLast(4)
        if stem == "ca" { return true }
        guard let prefix = ["ca-", "jwt-"].first(where: stem.hasPrefix) else { return false }
        let id = stem.dropFirst(prefix.count)
        return !id.isEmpty && id.utf8.allSatisfy(isBase64URL)
    }

    private static func isBase64URL(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// Most bytes of it that are read.
    var largest: Int {
        switch self {
        case .registry: TarHeader.largestFile
        case .certificate, .key: 1 << 20
        case .format, .digests: 1 << 14
        }
    }
}
