/// Cuts a stream of bytes into messages. Holds at most one frame's bytes beyond what was appended.
public struct FrameDecoder: Sendable {
    private var buffer: [UInt8] = []
    private var start = 0

    public init() {}

    public mutating func append(_ bytes: some Sequence<UInt8>) { buffer += bytes }

    /// The next message, nil when more bytes are needed. Messages that may be ignored are passed over. After an error the
    /// stream has no meaning any more.
    public mutating func next() throws(WireError) -> LinkMessage? {
        while let content = try nextContent() {
            if let message = try LinkMessage(content: content) { return message }
        }
        return nil
    }

    private mutating func nextContent() throws(WireError) -> ArraySlice<UInt8>? {
        let available = buffer[start...]
        guard available.count >= 4 else { return discardConsumed() }
        let length = Int(available.prefix(4).reduce(0) { $0 << 8 | UInt32($1) })
        guard length <= LinkLimits.frameBytes else { throw .frameTooLong(length) }
        guard available.count >= 4 + length else { return discardConsumed() }
        start += 4 + length
        return available.dropFirst(4).prefix(length)
    }

    private mutating func discardConsumed() -> ArraySlice<UInt8>? {
        buffer.removeFirst(start)
        start = 0
        return nil
    }
}
