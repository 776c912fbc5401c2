import CLinux
import Glibc

/// Tells that this virtual machine goes on as a copy: restored from a snapshot, or cloned while it ran. Its memory is then
/// that of another moment or of another machine too.
public enum MachineGeneration {
    /// Listens from the call on; ends when the stream's reader goes. Yields when the hypervisor gives the machine a new
    /// generation ID, which Linux tells since 6.8 (drivers/virt/vmgenid.c); older kernels and other hypervisors tell nothing.
    public static func changes() throws(SystemError) -> AsyncStream<Void> {
        let socket = try socket()
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let cancel = socket.watch("generation") {
            // What overflows the queue is a flood of other devices; a machine that goes on elsewhere has few at that moment.
            guard let message = try? socket.receive("NETLINK_KOBJECT_UEVENT"), tellsOfOne(message) else { return }
            continuation.yield()
        }
        continuation.onTermination = { _ in cancel() }
        return stream
    }

    /// One that hears of all devices, from the kernel: udev's messages have another group.
    static func socket() throws(SystemError) -> NetlinkSocket { try NetlinkSocket(NETLINK_KOBJECT_UEVENT, groups: 1) }

    /// - Parameter message: of the kernel: `ACTION@PATH`, then settings, each ended by a zero byte.
    static func tellsOfOne(_ message: [UInt8]) -> Bool {
        let parts = message.split(separator: 0)
        return parts.first?.starts(with: Array("change@".utf8)) == true
            && parts.dropFirst().contains { $0.elementsEqual("NEW_VMGENID=1".utf8) }
    }
}
