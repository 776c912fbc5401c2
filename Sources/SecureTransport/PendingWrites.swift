internal import NIOCore

/// What was written before the handshake is complete, up to a limit.
struct PendingWrites {
    typealias Write = (bytes: ByteBuffer, promise: EventLoopPromise<Void>?)

    private var writes: [Write] = []
    private(set) var byteCount = 0

    /// Empty writes count too: each holds a promise.
    var isTooMuch: Bool {
        byteCount > SecureTransportLimits.bufferedBytes || writes.count > SecureTransportLimits.bufferedWrites
    }

    mutating func append(_ bytes: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        writes.append((bytes, promise))
        byteCount += bytes.readableBytes
    }

    mutating func takeAll() -> [Write] {
        defer { self = PendingWrites() }
        return writes
    }

    mutating func fail(_ error: SecureTransportError) {
        for write in takeAll() { write.promise?.fail(error) }
    }
}
