internal import COpenSSL

/// SHA-256 (FIPS 180-4).
public enum SHA256Digest {
    /// 32 bytes.
    public static func hash(_ message: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        let result = unsafe EVP_Digest(message, message.count, &digest, nil, EVP_sha256(), nil)
        precondition(result == 1, "SHA-256 is not available")
        return digest
    }
}
