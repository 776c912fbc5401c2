import FoundationEssentials
import LinuxBinding

/// The time of day, since 1970.
enum WallClock {
    static func seconds() -> Int64 { Int64(Date().timeIntervalSince1970) }

    static func nanoseconds() -> Int64 { Int64(Date().timeIntervalSince1970 * 1_000_000_000) }

    /// When a time of the kernel's boot clock was, or will be, if nobody sets the clock.
    static func nanoseconds(ofBoot boot: UInt64) -> Int64 {
        let distance = Int64(clamping: boot).subtractingReportingOverflow(Int64(clamping: BootClock.nanoseconds))
        return nanoseconds().addingReportingOverflow(distance.partialValue).partialValue
    }

    static func seconds(ofBoot boot: UInt64) -> Int64 { nanoseconds(ofBoot: boot) / 1_000_000_000 }
}
