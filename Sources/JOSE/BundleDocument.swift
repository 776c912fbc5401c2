public import Identity
internal import OpenSSLBinding

/// A SPIFFE bundle in its document form: a JWK Set of X.509 roots and JWT keys (SPIFFE_Trust_Domain_and_Bundle.md
/// section 4).
public struct BundleDocument: Sendable, Equatable {
    public let bundle: TrustBundle
    public let jwtBundle: JWTBundle
    /// Grows with every change; 0 where a document does not say.
    public let sequence: UInt64
    /// How often a consumer should look for a newer one; nil when the document does not say.
    public var refreshHint: Duration?

    public static let largest = 1 << 20
    public static let mostKeys = 256

    /// One of our own: its sequence is the sum of the two, and so grows with either.
    public init(bundle: TrustBundle, jwtBundle: JWTBundle, refreshHint: Duration? = nil) {
        self.bundle = bundle
        self.jwtBundle = jwtBundle
        sequence = bundle.sequence &+ jwtBundle.sequence
        self.refreshHint = refreshHint
    }

    // MARK: Writing

    /// The document, UTF-8.
    public var encoded: String {
        var document = JSONObject([
            "keys": .array(rootKeys + jwtBundle.keys),
            "spiffe_sequence": .integer(Int64(clamping: sequence)),
        ])
        if let refreshHint { document.append("spiffe_refresh_hint", .integer(refreshHint.components.seconds)) }
        return document.encoded
    }

    /// X509-SVID section 6.1: no `kid`, exactly one certificate.
    private var rootKeys: [JSONValue] {
        bundle.authorities.compactMap { root in
            guard var key = JSONWebKey.members(of: root.publicKey) else { return nil }
            key.append("use", "x509-svid")
            key.append("x5c", .array([.string(Base64.standard.encode(root.der))]))
            return .object(key)
        }
    }

    // MARK: Reading

    /// Reads the document of one trust domain. Keys of unknown type or use, or that could not be an authority of the
    /// domain, are passed over (sections 4.2.1 and 4.2.2); with none left, nothing of the domain is trusted. A document
    /// that says two things at once is refused.
    public init(parsing document: [UInt8], of trustDomain: TrustDomain) throws(BundleDocumentError) {
        guard document.count <= Self.largest else { throw .tooLarge(bytes: document.count) }
        let members: JSONObject
        do throws(JSONError) { members = try JSONObject(document) } catch { throw .notJSON(error) }
        guard let keys = members["keys"]?.elements else { throw .noKeys }
        guard keys.count <= Self.mostKeys else { throw .tooManyKeys(keys.count) }
        let sequence = try Self.natural("spiffe_sequence", in: members).map(UInt64.init) ?? 0
        self.sequence = sequence
        let objects = keys.compactMap(\.object)
        let authorities = objects.compactMap(Self.jwtAuthority)
        guard let jwtBundle = JWTBundle(trustDomain: trustDomain, authorities: authorities, sequence: sequence) else {
            throw .ambiguousKeys
        }
        self.jwtBundle = jwtBundle
        bundle = Self.bundle(trustDomain, objects.compactMap(Self.root), sequence)
        refreshHint = try Self.natural("spiffe_refresh_hint", in: members).map { .seconds($0) }
    }

    private static func natural(_ name: String, in members: JSONObject) throws(BundleDocumentError) -> Int64? {
        guard let value = members[name] else { return nil }
        guard let number = value.integer, number >= 0 else { throw .notANaturalNumber(member: name) }
        return number
    }

    /// JWT-SVID section 6: `use` and `kid` are set, and nothing else than `use` says what a key is for.
    private static func jwtAuthority(_ members: JSONObject) -> JWTAuthority? {
        guard members["use"].isText("jwt-svid"), let keyID = members["kid"]?.text,
            let key = JSONWebKey.signatureKey(members)
        else { return nil }
        guard let named = members["alg"] else { return JWTAuthority(keyID: keyID, key: key) }
        guard let algorithm = named.text.flatMap(JWSAlgorithm.init(named:)) else { return nil }
        return JWTAuthority(keyID: keyID, key: key, algorithm: algorithm)
    }

    /// X509-SVID section 6.2: of `x5c` the first value counts, and the certificate alone says what the key is.
    private static func root(_ members: JSONObject) -> Certificate? {
        guard members["use"].isText("x509-svid"), ["EC", "RSA", "OKP"].contains(where: members["kty"].isText),
            let text = members["x5c"]?.elements?.first?.text, let der = Base64.standard.decode(text.utf8)
        else { return nil }
        return try? Certificate(der: der)
    }

    private static func bundle(
        _ trustDomain: TrustDomain, _ roots: [Certificate], _ sequence: UInt64
    ) -> TrustBundle {
        let usable = roots.filter { root in
            (try? TrustBundle(trustDomain: trustDomain, authorities: [root], sequence: sequence)) != nil
        }
        return (try? TrustBundle(trustDomain: trustDomain, authorities: usable, sequence: sequence))
            ?? .empty(trustDomain)
    }
}

extension JWTBundle {
    /// The JWK Set of these keys alone, as the Workload API hands it out (SPIFFE_Workload_API.md section 6.2.2).
    public var encoded: String { JSONObject(["keys": .array(keys)]).encoded }

    fileprivate var keys: [JSONValue] { authorities.compactMap { $0.jsonWebKey(use: "jwt-svid") } }
}

extension JWTAuthority {
    /// Nil for no key that was accepted.
    func jsonWebKey(use: String) -> JSONValue? {
        guard var members = JSONWebKey.members(of: key) else { return nil }
        members.append("kid", .string(keyID))
        members.append("use", .string(use))
        if let algorithm { members.append("alg", .string(algorithm.rawValue)) }
        return .object(members)
    }
}

/// Why a document is no SPIFFE bundle.
public enum BundleDocumentError: Error, Sendable, Equatable {
    case tooLarge(bytes: Int)
    case notJSON(JSONError)
    case noKeys
    case tooManyKeys(Int)
    /// Two JWT keys have one ID, or there are more than a bundle holds.
    case ambiguousKeys
    case notANaturalNumber(member: String)
}

extension BundleDocumentError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tooLarge(let bytes): "the bundle document has \(bytes) bytes"
        case .notJSON(let error): "the bundle document: \(error)"
        case .noKeys: "the bundle document has no array of keys"
        case .tooManyKeys(let count): "the bundle document has \(count) keys"
        case .ambiguousKeys: "the bundle document has two JWT keys with one ID, or too many"
        case .notANaturalNumber(let member): "\(member) of the bundle document is no number from 0 up"
        }
    }
}
