internal import COpenSSL

/// Bytes that are overwritten before their memory is given back (`OPENSSL_clear_free`). Not printable, not Codable, not
/// comparable but in constant time.
///
/// Sendable because the bytes never change after `init`.
@safe public final class SecretBytes: @unchecked Sendable {
    private let storage: UnsafeMutableRawBufferPointer

    /// Copies; overwriting the caller's copy is the caller's part.
    public convenience init(_ bytes: [UInt8]) {
        unsafe self.init(count: bytes.count) { destination in
            unsafe bytes.withUnsafeBytes { unsafe destination.copyMemory(from: $0) }
        }
    }

    /// `fill` gets `count` zero bytes and writes the secret into them. A secret whose making fails is never seen.
    public init<Failure>(count: Int, fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
        // OPENSSL_malloc(0) is NULL; one byte keeps the pointer valid.
        guard let memory = unsafe ps_memory_allocate(max(count, 1)) else { fatalError("out of memory") }
        unsafe storage = UnsafeMutableRawBufferPointer(start: memory, count: count)
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0)
        try unsafe fill(storage)
    }

    /// One after another.
    public convenience init(joining parts: [SecretBytes]) {
        unsafe self.init(count: parts.map(\.count).reduce(0, +)) { destination in
            var offset = 0
            for part in parts {
                unsafe part.withUnsafeBytes {
                    unsafe UnsafeMutableRawBufferPointer(rebasing: destination[offset...]).copyMemory(from: $0)
                }
                offset += part.count
            }
        }
    }

    deinit { unsafe ps_memory_clear_free(storage.baseAddress, max(storage.count, 1)) }

    public var count: Int { unsafe storage.count }

    /// The bytes are valid only during `body`; copies made there are not overwritten by this object.
    public func withUnsafeBytes<Result, Failure>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeRawBufferPointer(storage))
    }

    /// Compares without telling by its duration where the bytes differ (`CRYPTO_memcmp`). Lengths are no secret.
    public static func constantTimeEqual(_ a: SecretBytes, _ b: SecretBytes) -> Bool {
        guard a.count == b.count else { return false }
        return unsafe CRYPTO_memcmp(a.storage.baseAddress, b.storage.baseAddress, a.count) == 0
    }

    /// The same for plain arrays, such as authentication tags.
    public static func constantTimeEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        guard a.count == b.count else { return false }
        return unsafe CRYPTO_memcmp(a, b, a.count) == 0
    }
}
