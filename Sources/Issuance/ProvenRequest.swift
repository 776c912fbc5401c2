internal import Identity
public import OpenSSLBinding

/// A certificate request whose sender has shown that it holds the private key. Of what the request asks for, only the key
/// is taken: names, extensions and attributes in it have no effect, because nothing reads them.
public struct ProvenRequest: Sendable {
    public let publicKey: PublicKey

    /// Longest request that is looked at.
    public static let maximumBytes = 16384

    /// Larger moduli are verified but not issued.
    private static let largestRSA = 4096

    /// `csrDER` is one PKCS#10 request (RFC 2986) in DER.
    public init(csrDER: [UInt8]) throws(IssuanceError) {
        guard csrDER.count <= Self.maximumBytes else { throw .requestTooLarge(bytes: csrDER.count) }
        let request = try Self.parse(csrDER)
        // Before the signature: a request must not make us compute with a key we would refuse.
        try Self.checkKind(request.publicKey.kind)
        guard request.verifySelfSignature else { throw .requestNotSelfSigned }
        guard request.publicKey.isConsistent else { throw .unacceptableKey("it is inconsistent") }
        // The certificate repeats it byte for byte.
        guard request.publicKey.isCanonical else { throw .unacceptableKey("more than a key is in it") }
        publicKey = request.publicKey
    }

    private static func parse(_ der: [UInt8]) throws(IssuanceError) -> CertificateRequest {
        do throws(OpenSSLError) {
            return try CertificateRequest(der: der)
        } catch {
            throw .unreadableRequest("\(error)")
        }
    }

    private static func checkKind(_ kind: PublicKey.Kind) throws(IssuanceError) {
        guard KeyPolicy.accepts(kind) else { throw .unacceptableKey("\(kind)") }
        if case .rsa(let bits) = kind, bits > largestRSA { throw .unacceptableKey("\(kind)") }
    }
}

/// Makes certificate requests.
public enum SigningRequest {
    /// DER of a request with an empty subject and no attributes, signed by `key`.
    public static func make(key: PrivateKey) throws(OpenSSLError) -> [UInt8] {
        try CertificateRequest(for: key).der
    }
}
