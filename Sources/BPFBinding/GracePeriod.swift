import CLibBPF
import Dispatch
import Synchronization

/// Waits until every program that runs now has ended.
///
/// The kernel offers no call for that; but an update of a map of maps returns only after an RCU grace period
/// (`maybe_wait_bpf_programs`), since callers rely on the old inner map being out of use by then.
public final class GracePeriod: Sendable {
    private let outer: Descriptor
    private let inner: Descriptor
    private let queue = DispatchQueue(label: "podshield.grace")
    private let waiting = Mutex<[CheckedContinuation<Result<Void, BPFError>, Never>]>([])

    public init() throws(BPFError) {
        let inner = Descriptor(owning: try calling("bpf_map_create") { ps_libbpf_plain_array(4, 1) })
        self.outer = Descriptor(
            owning: try calling("bpf_map_create array of maps") { ps_libbpf_array_of_maps(inner.raw) })
        self.inner = inner
    }

    /// Returns when no program is running any more that was running at the call. Blocks no task: callers that come while
    /// one period runs share the next.
    public func elapse() async throws(BPFError) {
        let result = await withCheckedContinuation { continuation in
            let isFirst = waiting.withLock { waiting in
                waiting.append(continuation)
                return waiting.count == 1
            }
            if isFirst { queue.async { self.runOnce() } }
        }
        try result.get()
    }

    private func runOnce() {
        let continuations = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        let result = Result { () throws(BPFError) in try wait() }
        for continuation in continuations { continuation.resume(returning: result) }
    }

    /// One period, on the calling thread.
    public func wait() throws(BPFError) {
        var key: UInt32 = 0
        var value = UInt32(inner.raw)
        try calling("bpf_map_update_elem", "ps_grace") {
            unsafe bpf_map_update_elem(outer.raw, &key, &value, 0)
        }
    }
}
