internal import COpenSSL

/// The owner of a memory BIO.
@safe final class MemoryBIO {
    let pointer: OpaquePointer

    /// With `secret` the memory is overwritten before it is freed.
    init(secret: Bool = false) throws(OpenSSLError) {
        unsafe pointer = try OpenSSL.require("BIO_new", secret ? ps_bio_secret_memory() : ps_bio_memory())
    }

    convenience init(_ text: String) throws(OpenSSLError) {
        try self.init()
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { return }
        try unsafe OpenSSL.check("BIO_write", BIO_write(pointer, bytes, Int32(bytes.count)))
    }

    convenience init(_ secret: SecretBytes) throws(OpenSSLError) {
        try self.init(secret: true)
        guard secret.count > 0 else { return }
        try unsafe secret.withUnsafeBytes { bytes throws(OpenSSLError) in
            try unsafe OpenSSL.check("BIO_write", BIO_write(pointer, bytes.baseAddress, Int32(bytes.count)))
        }
    }

    deinit { unsafe BIO_free_all(pointer) }

    /// The bytes not yet read; they stay.
    var contents: [UInt8] {
        var start: UnsafePointer<UInt8>?
        let count = unsafe ps_bio_contents(pointer, &start)
        return unsafe Array(UnsafeBufferPointer(start: start, count: max(count, 0)))
    }

    var secretContents: SecretBytes {
        var start: UnsafePointer<UInt8>?
        let count = unsafe max(ps_bio_contents(pointer, &start), 0)
        return unsafe SecretBytes(count: count) { destination in
            unsafe destination.copyMemory(from: UnsafeRawBufferPointer(start: start, count: count))
        }
    }
}
