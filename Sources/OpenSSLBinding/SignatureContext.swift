internal import COpenSSL

/// A signature by one key and scheme that is begun and not yet told the message.
///
/// Sendable because one that is shared is only copied, which OpenSSL allows several to do at once.
@safe final class SignatureContext: @unchecked Sendable {
    private let pointer: OpaquePointer
    /// Bytes of a signature, at most.
    private let longest: Int

    init(_ key: OpaquePointer, _ scheme: SignatureScheme) throws(OpenSSLError) {
        unsafe pointer = try unsafe OpenSSL.require("EVP_MD_CTX_new", EVP_MD_CTX_new())
        longest = unsafe Int(EVP_PKEY_get_size(key))
        var keyContext: OpaquePointer?
        let started = unsafe EVP_DigestSignInit(pointer, &keyContext, scheme.digest, nil, key)
        try OpenSSL.check("EVP_DigestSignInit", started)
        try unsafe scheme.choosePadding(keyContext)
    }

    /// To find the algorithms anew takes OpenSSL 3 a tenth of what it then needs to sign by ECDSA.
    init(copying other: SignatureContext) throws(OpenSSLError) {
        unsafe pointer = try unsafe OpenSSL.require("EVP_MD_CTX_new", EVP_MD_CTX_new())
        longest = other.longest
        try unsafe OpenSSL.check("EVP_MD_CTX_copy_ex", EVP_MD_CTX_copy_ex(pointer, other.pointer))
    }

    deinit { unsafe EVP_MD_CTX_free(pointer) }

    /// Once.
    func signature(of message: [UInt8]) throws(OpenSSLError) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: longest)
        var count = longest
        let signed = unsafe EVP_DigestSign(pointer, &signature, &count, message, message.count)
        try OpenSSL.check("EVP_DigestSign", signed)
        return Array(signature.prefix(count))
    }
}
