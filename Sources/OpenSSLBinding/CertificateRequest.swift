internal import COpenSSL

/// A PKCS#10 certification request (RFC 2986). Only its key is looked at: names and attributes are not even read.
///
/// Sendable because the `X509_REQ` is never changed after `init`.
@safe public final class CertificateRequest: @unchecked Sendable {
    private let pointer: OpaquePointer
    public let der: [UInt8]
    public let publicKey: PublicKey

    /// Parses exactly one DER request.
    public init(der: [UInt8]) throws(OpenSSLError) {
        let parsed = unsafe der.withUnsafeBufferPointer { bytes in
            var cursor = bytes.baseAddress
            return unsafe d2i_X509_REQ(nil, &cursor, bytes.count)
        }
        let request = try unsafe OpenSSL.require("d2i_X509_REQ", parsed)
        do throws(OpenSSLError) {
            guard try unsafe Self.encode(request) == der else {
                throw OpenSSLError(operation: "d2i_X509_REQ", reasons: ["not one DER request"])
            }
            publicKey = try unsafe PublicKey(info: X509_REQ_get_X509_PUBKEY(request))
        } catch {
            unsafe X509_REQ_free(request)
            throw error
        }
        unsafe pointer = request
        self.der = der
    }

    deinit { unsafe X509_REQ_free(pointer) }

    /// A request with an empty subject and no attributes, signed by the key it is for.
    public init(for key: PrivateKey) throws(OpenSSLError) {
        let request = try unsafe OpenSSL.require("X509_REQ_new", X509_REQ_new())
        do throws(OpenSSLError) {
            try unsafe OpenSSL.check("X509_REQ_set_version", X509_REQ_set_version(request, Int(X509_REQ_VERSION_1)))
            try unsafe key.publicKey.write(to: X509_REQ_get_X509_PUBKEY(request))
            let digest = unsafe key.publicKey.kind.digest
            try unsafe OpenSSL.check("X509_REQ_sign", X509_REQ_sign(request, key.pointer, digest))
            der = try unsafe Self.encode(request)
        } catch {
            unsafe X509_REQ_free(request)
            throw error
        }
        unsafe pointer = request
        publicKey = key.publicKey
    }

    /// Whether the requester holds the private key: the request is signed by the key in it.
    public var verifySelfSignature: Bool {
        let result = unsafe X509_REQ_verify(pointer, publicKey.pointer)
        return OpenSSL.holds(result)
    }

    private static func encode(_ request: OpaquePointer) throws(OpenSSLError) -> [UInt8] {
        let bio = try MemoryBIO()
        try unsafe OpenSSL.check("i2d_X509_REQ_bio", i2d_X509_REQ_bio(bio.pointer, request))
        return bio.contents
    }
}
