/// The name of a SPIFFE trust domain (SPIFFE-ID.md section 2.1): 1 to 255 bytes of `[a-z0-9.-_]`.
public struct TrustDomain: Hashable, Sendable, CustomStringConvertible {
    public let name: String

    /// Strict: upper case is refused, not folded, so that issuer and verifier can never read one name differently.
    public init(_ name: String) throws(SPIFFEIDError) {
        guard !name.isEmpty else { throw .emptyTrustDomain }
        guard name.utf8.count <= Self.maximumLength else { throw .trustDomainTooLong(name.utf8.count) }
        guard name.utf8.allSatisfy(Self.allows) else { throw .badTrustDomainCharacter(name) }
        self.name = name
    }

    public static let maximumLength = 255

    public var description: String { name }

    private static func allows(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
