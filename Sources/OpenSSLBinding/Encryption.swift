internal import COpenSSL

// What is encrypted for a TPM, which has no AEAD to open it with: whoever uses these has to authenticate by other means.

extension PublicKey {
    /// RSAES-OAEP (RFC 8017 section 7.1.1) with SHA-256, and MGF1 with the same. The label is not secret.
    public func encryptOAEP(_ secret: SecretBytes, label: [UInt8]) throws(OpenSSLError) -> [UInt8] {
        let context = try unsafe OpenSSL.require("EVP_PKEY_CTX_new", EVP_PKEY_CTX_new(pointer, nil))
        defer { unsafe EVP_PKEY_CTX_free(context) }
        try unsafe OpenSSL.check("EVP_PKEY_encrypt_init", EVP_PKEY_encrypt_init(context))
        try unsafe Self.chooseOAEP(context, label)
        var count = 0
        let sized = unsafe secret.withUnsafeBytes { bytes in
            unsafe EVP_PKEY_encrypt(context, nil, &count, Self.start(bytes), bytes.count)
        }
        try OpenSSL.check("EVP_PKEY_encrypt", sized)
        var encrypted = [UInt8](repeating: 0, count: count)
        let done = unsafe secret.withUnsafeBytes { bytes in
            unsafe EVP_PKEY_encrypt(context, &encrypted, &count, Self.start(bytes), bytes.count)
        }
        try OpenSSL.check("EVP_PKEY_encrypt", done)
        return Array(encrypted.prefix(count))
    }

    private static func chooseOAEP(_ context: OpaquePointer, _ label: [UInt8]) throws(OpenSSLError) {
        try unsafe OpenSSL.check(
            "EVP_PKEY_CTX_set_rsa_padding", EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING))
        try unsafe OpenSSL.check(
            "EVP_PKEY_CTX_set_rsa_oaep_md", EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()))
        try unsafe OpenSSL.check(
            "EVP_PKEY_CTX_set_rsa_mgf1_md", EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()))
        guard !label.isEmpty else { return }
        // The context takes it over, if it takes it at all.
        let copy = try unsafe OpenSSL.require("OPENSSL_malloc", ps_memory_allocate(label.count))
        unsafe copy.copyMemory(from: label, byteCount: label.count)
        let taken = unsafe EVP_PKEY_CTX_set0_rsa_oaep_label(context, copy, Int32(label.count))
        if taken <= 0 { unsafe ps_memory_free(copy) }
        try OpenSSL.check("EVP_PKEY_CTX_set0_rsa_oaep_label", taken)
    }

    private static func start(_ bytes: UnsafeRawBufferPointer) -> UnsafePointer<UInt8>? {
        unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    }
}

/// AES with 128-bit keys in full-block CFB mode (SP 800-38A section 6.3).
public enum AES128CFB {
    /// From an initialization vector of zeros: a key is good for one message.
    public static func encrypt(_ plain: [UInt8], key: SecretBytes) throws(OpenSSLError) -> [UInt8] {
        guard key.count == 16 else {
            throw OpenSSLError(operation: "AES-128-CFB", reasons: ["a key of \(key.count) bytes"])
        }
        let context = try unsafe OpenSSL.require("EVP_CIPHER_CTX_new", EVP_CIPHER_CTX_new())
        defer { unsafe EVP_CIPHER_CTX_free(context) }
        let vector = [UInt8](repeating: 0, count: 16)
        let started = unsafe key.withUnsafeBytes { bytes in
            unsafe EVP_EncryptInit_ex(
                context, EVP_aes_128_cfb128(), nil, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), vector)
        }
        try OpenSSL.check("EVP_EncryptInit_ex", started)
        var encrypted = [UInt8](repeating: 0, count: plain.count)
        var count: Int32 = 0
        let done = unsafe EVP_EncryptUpdate(context, &encrypted, &count, plain, Int32(plain.count))
        try OpenSSL.check("EVP_EncryptUpdate", done)
        guard Int(count) == plain.count else {
            throw OpenSSLError(operation: "AES-128-CFB", reasons: ["\(count) bytes of \(plain.count)"])
        }
        return encrypted
    }
}
