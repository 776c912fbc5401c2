import CLinux

/// The clock of every deadline in the kernel maps: `CLOCK_BOOTTIME`, which counts through suspend and starts at boot.
public enum BootClock {
    /// Nanoseconds since boot. C: `clock_gettime`; in programs `bpf_ktime_get_boot_ns`.
    public static var nanoseconds: UInt64 { ps_linux_boot_time_ns() }
}
