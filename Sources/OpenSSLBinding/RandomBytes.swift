internal import COpenSSL

/// The random generator of OpenSSL (`RAND_bytes`, seeded by the kernel).
public enum RandomBytes {
    public static func make(_ count: Int) throws(OpenSSLError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = unsafe RAND_bytes(&bytes, Int32(count))
        try OpenSSL.check("RAND_bytes", result)
        return bytes
    }

    /// Random bytes that are a secret (`RAND_priv_bytes`).
    public static func makeSecret(_ count: Int) throws(OpenSSLError) -> SecretBytes {
        try unsafe SecretBytes(count: count) { destination throws(OpenSSLError) in
            let start = unsafe destination.baseAddress?.assumingMemoryBound(to: UInt8.self)
            try unsafe OpenSSL.check("RAND_priv_bytes", RAND_priv_bytes(start, Int32(count)))
        }
    }
}
