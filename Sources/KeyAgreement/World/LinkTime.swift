/// One moment on the two clocks that the machines are told of.
package struct LinkTime: Sendable, Equatable {
    package let boot: BootNanoseconds
    /// Seconds since 1970: what certificates are judged by.
    package let unix: Int64

    package init(boot: BootNanoseconds, unix: Int64) {
        self.boot = boot
        self.unix = unix
    }

    /// The boot time of a moment of the wall clock, as far as that is told now; steps of it move nothing later.
    func boot(at unix: Int64) -> BootNanoseconds {
        guard unix > self.unix else { return boot }
        let (nanoseconds, overflow) = UInt64(unix - self.unix).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : boot.addingClamped(nanoseconds)
    }
}

extension BootNanoseconds {
    func adding(_ duration: Duration) -> BootNanoseconds { addingClamped(duration.nanoseconds) }

    func addingClamped(_ nanoseconds: UInt64) -> BootNanoseconds {
        let (sum, overflow) = addingReportingOverflow(nanoseconds)
        return overflow ? .max : sum
    }
}

extension Duration {
    /// Negative durations are none.
    package var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : whole.addingClamped(UInt64(attoseconds) / 1_000_000_000)
    }
}
