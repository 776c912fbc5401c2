internal import Synchronization

/// Hands every element to every stream that was asked for.
final class Broadcast<Element: Sendable>: Sendable {
    private struct State {
        var streams: [UInt64: AsyncStream<Element>.Continuation] = [:]
        var next: UInt64 = 0
        var last: Element?
    }

    private let state = Mutex(State())
    /// Keep only the newest element for slow readers, and begin with the last one.
    private let isLatest: Bool

    init(latestOnly: Bool) { isLatest = latestOnly }

    func stream() -> AsyncStream<Element> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Element.self, bufferingPolicy: isLatest ? .bufferingNewest(1) : .unbounded)
        let id = state.withLock { state in
            state.next += 1
            state.streams[state.next] = continuation
            if let last = state.last { continuation.yield(last) }
            return state.next
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.streams.removeValue(forKey: id) }
        }
        return stream
    }

    func send(_ element: Element) {
        state.withLock { state in
            if isLatest { state.last = element }
            for continuation in state.streams.values { continuation.yield(element) }
        }
    }
}
