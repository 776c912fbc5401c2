public import Addressing
import CLinux
import Glibc

/// What of this machine a daemon will need, looked at without taking it.
public enum MachineState {
    public enum Transport: Sendable {
        case tcp
        case udp
    }

    /// Fails as binding would: `EADDRINUSE` while another socket has the port, `EADDRNOTAVAIL` for an address that no device
    /// has. C: `bind`, `listen`.
    public static func checkFree(
        _ address: IPAddress, _ transport: Transport, port: UInt16
    ) throws(SystemError) {
        let bytes = address.packed
        let type = Int32(transport == .tcp ? SOCK_STREAM.rawValue : SOCK_DGRAM.rawValue)
        try checking(
            "bind", "\(address) \(transport == .tcp ? "TCP" : "UDP") port \(port)",
            unsafe ps_linux_try_bind(bytes, bytes.count, port, type))
    }

    /// Bytes that this process may still write to the file system of `path`. C: `statvfs`.
    public static func freeBytes(at path: String) throws(SystemError) -> UInt64 {
        var status = statvfs()
        try calling("statvfs", path) { unsafe statvfs(path, &status) }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }

    /// Files that this process may still make on the file system of `path`; nil where it does not count them. C: `statvfs`.
    public static func freeFiles(at path: String) throws(SystemError) -> UInt64? {
        var status = statvfs()
        try calling("statvfs", path) { unsafe statvfs(path, &status) }
        return status.f_files == 0 ? nil : UInt64(status.f_favail)
    }

    /// Whether this process may read and write the file or device, which is not opened. C: `access`.
    public static func checkUsable(_ path: String) throws(SystemError) {
        try calling("access", path) { unsafe access(path, R_OK | W_OK) }
    }

    /// The group that lets root read and write the file or device where root has no capabilities, as `systemd.exec(5)` leaves it; nil where
    /// that needs none. Its number where it has no name. C: `stat`.
    public static func groupWithoutWhichRootIsKeptOut(of path: String) throws(SystemError) -> String? {
        var status = stat()
        try calling("stat", path) { unsafe stat(path, &status) }
        let needed = mode_t(0o6)
        if status.st_uid == 0 { return status.st_mode >> 6 & needed == needed ? nil : name(of: status.st_gid) }
        if status.st_gid == 0 { return nil }
        return status.st_mode & needed == needed ? nil : name(of: status.st_gid)
    }

    private static func name(of group: UInt32) -> String { Account.groupName(group) ?? String(group) }

    /// Whether a time service keeps the clock. C: `adjtimex`.
    public static var isClockSynchronized: Bool { ps_linux_clock_is_synchronized() == 1 }

    /// Whether the kernel describes its types (`CONFIG_DEBUG_INFO_BTF`).
    public static var hasKernelTypes: Bool { unsafe access("/sys/kernel/btf/vmlinux", R_OK) == 0 }
}
