import BPFBinding
import CPodshieldABI
import Synchronization

/// Turns records of the kernel's ring into a stream.
final class EventReader: Sendable {
    private let ring: RingBuffer
    private let counts: Counts

    private final class Counts: Sendable {
        let dropped = Atomic<UInt64>(0)
        let foreign = Atomic<UInt64>(0)
    }

    private init(_ ring: RingBuffer, _ counts: Counts) {
        self.ring = ring
        self.counts = counts
    }

    /// Records that the stream's reader was too slow for, and records of no known form.
    var dropped: UInt64 { counts.dropped.load(ordering: .relaxed) + counts.foreign.load(ordering: .relaxed) }

    static func start(_ map: BPFMap) throws(DatapathError) -> (AsyncStream<DatapathEvent>, EventReader) {
        let (stream, continuation) = AsyncStream.makeStream(
            of: DatapathEvent.self, bufferingPolicy: .bufferingOldest(4096))
        let counts = Counts()
        let ring = try kernel { () throws(BPFError) in
            try unsafe RingBuffer(reading: map) { bytes in
                guard let event = unsafe event(bytes) else {
                    counts.foreign.wrappingAdd(1, ordering: .relaxed)
                    return
                }
                if case .dropped = continuation.yield(event) { counts.dropped.wrappingAdd(1, ordering: .relaxed) }
            }
        }
        return (stream, EventReader(ring, counts))
    }

    private static func event(_ bytes: UnsafeRawBufferPointer) -> DatapathEvent? {
        guard bytes.count >= MemoryLayout<ps_event>.size else { return nil }
        return unsafe DatapathEvent(bytes.loadUnaligned(as: ps_event.self))
    }
}
