internal import PrintableText

/// A parsed SPIFFE ID (SPIFFE-ID.md section 2). A value of this type exists only parsed; nothing checks it twice.
public struct SPIFFEID: Hashable, Sendable {
    public let trustDomain: TrustDomain
    /// Empty for a trust domain's own ID, else starts with `/` and does not end with it.
    public let path: String

    /// Longest ID that must be supported and may be made (SPIFFE-ID.md section 2.3), in bytes.
    public static let maximumLength = 2048

    public init(trustDomain: TrustDomain, path: String) throws(SPIFFEIDError) {
        try Self.validate(path: path)
        let length = Self.scheme.utf8.count + trustDomain.name.utf8.count + path.utf8.count
        guard length <= Self.maximumLength else { throw .tooLong(length) }
        self.trustDomain = trustDomain
        self.path = path
    }

    /// The ID of the trust domain itself, as its signing certificates carry it.
    public init(_ trustDomain: TrustDomain) {
        self.trustDomain = trustDomain
        self.path = ""
    }

    public init(_ text: String) throws(SPIFFEIDError) {
        guard text.hasPrefix(Self.scheme) else { throw .wrongScheme(text) }
        let rest = text.dropFirst(Self.scheme.count)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        try self.init(trustDomain: TrustDomain(String(rest[..<slash])), path: String(rest[slash...]))
    }

    private static let scheme = "spiffe://"

    /// Segments of `[a-zA-Z0-9.-_]`, none empty, `.` or `..` (section 2.2).
    private static func validate(path: String) throws(SPIFFEIDError) {
        guard !path.isEmpty else { return }
        guard path.utf8.first == UInt8(ascii: "/") else { throw .badPath(path, "does not start with '/'") }
        for segment in path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard !segment.isEmpty else { throw .badPath(path, "has an empty segment") }
            guard !segment.elementsEqual(".".utf8), !segment.elementsEqual("..".utf8) else {
                throw .badPath(path, "has a dot segment")
            }
            guard segment.allSatisfy(allows) else {
                throw .badPath(path, "has a character outside [a-zA-Z0-9.-_]")
            }
        }
    }

    private static func allows(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension SPIFFEID: CustomStringConvertible, Comparable {
    public var description: String { Self.scheme + trustDomain.name + path }

    /// Byte order of the text: what decides which node dials.
    public static func < (a: SPIFFEID, b: SPIFFEID) -> Bool {
        a.description.utf8.lexicographicallyPrecedes(b.description.utf8)
    }
}

/// Why a text is no SPIFFE ID.
public enum SPIFFEIDError: Error, Equatable, Sendable {
    case wrongScheme(String)
    case emptyTrustDomain
    case trustDomainTooLong(Int)
    case badTrustDomainCharacter(String)
    case badPath(String, String)
    case tooLong(Int)
}

extension SPIFFEIDError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .wrongScheme(let text): "\(text.quoted) does not start with spiffe://"
        case .emptyTrustDomain: "the trust domain is empty"
        case .trustDomainTooLong(let count): "the trust domain has \(count) bytes, at most 255 are allowed"
        case .badTrustDomainCharacter(let name): "trust domain \(name.quoted) has a character outside [a-z0-9.-_]"
        case .badPath(let path, let why): "path \(path.quoted) \(why)"
        case .tooLong(let count): "the SPIFFE ID has \(count) bytes, at most 2048 are allowed"
        }
    }
}
