import CLibBPF
import Dispatch
import Glibc

/// The reader of a RINGBUF map. Records are handed to the closure one after another on a queue of the reader's own.
@safe public final class RingBuffer: @unchecked Sendable {
    // `ring` is touched only on `queue`, and in deinit, when the source is cancelled and nothing can be queued any more.
    private let ring: OpaquePointer
    private let receiver: Receiver
    private let queue = DispatchQueue(label: "podshield.ring")
    private let source: any DispatchSourceRead

    @safe private final class Receiver: Sendable {
        let body: @Sendable (UnsafeRawBufferPointer) -> Void
        init(_ body: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) { unsafe self.body = body }
    }

    /// - Parameter body: called with each record; the memory is the kernel's and valid only during the call.
    public init(
        reading map: BPFMap, _ body: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
    ) throws(BPFError) {
        let receiver = unsafe Receiver(body)
        let context = unsafe Unmanaged.passUnretained(receiver).toOpaque()
        ps_libbpf_log_begin()
        let ring = unsafe ring_buffer__new(
            map.descriptor.raw,
            { context, data, size in
                unsafe Unmanaged<Receiver>.fromOpaque(context!).takeUnretainedValue()
                    .body(UnsafeRawBufferPointer(start: data, count: size))
                return 0
            }, context, nil)
        let code = errno
        let log = capturedLog()
        guard let ring = unsafe ring else {
            throw BPFError(operation: "ring_buffer__new", code: code, subject: map.name, log: log)
        }
        unsafe self.ring = ring
        self.receiver = receiver
        let source = unsafe DispatchSource.makeReadSource(fileDescriptor: ring_buffer__epoll_fd(ring), queue: queue)
        self.source = source
        source.setEventHandler { [weak self] in self?.drain() }
        source.activate()
    }

    private func drain() { _ = unsafe ring_buffer__consume(ring) }

    deinit {
        let ring = unsafe Handle(ring: ring)
        // The descriptor must outlive its source; the receiver must outlive the ring.
        source.setCancelHandler { [receiver] in
            unsafe ring_buffer__free(ring.ring)
            withExtendedLifetime(receiver) {}
        }
        source.cancel()
    }

    @safe private struct Handle: @unchecked Sendable {
        // Handed over once, to the cancel handler, which alone uses it from then on.
        let ring: OpaquePointer
    }
}
