internal import PrintableText

/// The issuer that tokens name, at which verifiers outside of SPIFFE find the keys: an `https` URL without query and fragment
/// (OpenID Connect Discovery 1.0 section 4).
public struct JWTIssuer: Sendable, Hashable {
    public let url: String

    public static let longest = 256

    /// No trailing slash, so that each issuer has one spelling and paths can be put behind it.
    public init(_ text: String) throws(JWTIssuerError) {
        let rest = text.utf8.dropFirst("https://".utf8.count)
        let segments = rest.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard text.utf8.starts(with: "https://".utf8), text.utf8.count <= Self.longest,
            rest.allSatisfy(Self.allows), segments.allSatisfy({ !$0.isEmpty })
        else { throw .notAURL(text) }
        url = text
    }

    private static func allows(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-._~:/[]".utf8.contains(byte)
        }
    }
}

public enum JWTIssuerError: Error, Sendable, Equatable {
    case notAURL(String)
}

extension JWTIssuerError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notAURL(let text): "\(text.quoted) is no https URL without query, fragment and final slash"
        }
    }
}
