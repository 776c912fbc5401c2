import CLinux
import Glibc

/// The clock of every deadline in the kernel maps: `CLOCK_BOOTTIME`, which counts through suspend and starts at boot.
public enum BootClock {
    /// Nanoseconds since boot. C: `clock_gettime`; in programs `bpf_ktime_get_boot_ns`.
    public static var nanoseconds: UInt64 { ps_linux_boot_time_ns() }
}

/// Which boot of the kernel this is: another one has other SAs, none at first.
public enum BootIdentifier {
    /// 16 bytes. Source: `/proc/sys/kernel/random/boot_id` (random(4)).
    public static func read() throws(SystemError) -> [UInt8] {
        let path = "/proc/sys/kernel/random/boot_id"
        let file = try FileDescriptor(opening: path)
        var text = [UInt8](repeating: 0, count: 64)
        let count = try calling("read", path) { unsafe Glibc.read(file.raw, &text, text.count) }
        let digits = text.prefix(count).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count == 32 else { throw SystemError(operation: "read", code: EBADMSG, subject: path) }
        return stride(from: 0, to: 32, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
