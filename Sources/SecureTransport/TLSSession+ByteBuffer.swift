internal import NIOCore
internal import OpenSSLBinding

/// A TLS session that speaks NIO's buffers.
extension TLSSession {
    /// Takes bytes the peer sent.
    func receive(_ buffer: ByteBuffer) throws(OpenSSLError) {
        try unsafe buffer.withReadable { bytes throws(OpenSSLError) in try unsafe receive(bytes) }
    }

    /// Seals application bytes.
    func write(_ buffer: ByteBuffer) throws(OpenSSLError) {
        try unsafe buffer.withReadable { bytes throws(OpenSSLError) in try unsafe write(bytes) }
    }

    /// Opens the next application bytes onto the end of `buffer`, at most as many as it has room for.
    func read(onto buffer: inout ByteBuffer) throws(OpenSSLError) -> ReadResult {
        var result: Result<ReadResult, OpenSSLError> = .success(.wouldBlock)
        unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 1) { room in
            result = Result { () throws(OpenSSLError) in try unsafe read(into: room) }
            guard case .success(.bytes(let count)) = result else { return 0 }
            return count
        }
        return try result.get()
    }

    /// All that is to be sent to the peer.
    func takeOutput(_ allocator: ByteBufferAllocator) -> ByteBuffer {
        let count = outputCount
        var buffer = allocator.buffer(capacity: count)
        unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { unsafe takeOutput(into: $0) }
        return buffer
    }
}

extension ByteBuffer {
    /// NIO's own accessor does not carry typed errors.
    fileprivate func withReadable(
        _ body: (UnsafeRawBufferPointer) throws(OpenSSLError) -> Void
    ) throws(OpenSSLError) {
        let result = unsafe withUnsafeReadableBytes { bytes in
            Result { () throws(OpenSSLError) in try unsafe body(bytes) }
        }
        try result.get()
    }
}
