import CLinux
import Glibc

/// What happened to a device.
public enum LinkEvent: Hashable, Sendable {
    /// New, or with new properties.
    case changed(NetworkLink)
    case removed(index: UInt32, name: String)
    /// The kernel could not tell everything: list anew.
    case missed
}

/// The kernel's messages about devices of one namespace.
public enum LinkMonitor {
    /// Listens from the call on; ends when the stream's reader goes. C: `RTMGRP_LINK`.
    ///
    /// - Returns: a stream that holds up to 1024 events; a slow reader loses the oldest, and is told so by `missed`.
    public static func events() throws(SystemError) -> AsyncStream<LinkEvent> {
        let socket = try NetlinkSocket(NETLINK_ROUTE, groups: UInt32(RTMGRP_LINK))
        let (stream, continuation) = AsyncStream.makeStream(
            of: LinkEvent.self, bufferingPolicy: .bufferingNewest(1024))
        let cancel = socket.watch("links") {
            for event in read(socket) {
                if case .dropped = continuation.yield(event) { continuation.yield(.missed) }
            }
        }
        continuation.onTermination = { _ in cancel() }
        return stream
    }

    private static func read(_ socket: NetlinkSocket) -> [LinkEvent] {
        do {
            return NetlinkReply.all(in: try socket.receive("RTMGRP_LINK")).compactMap(event)
        } catch {
            // ENOBUFS: the socket's queue overflowed.
            return [.missed]
        }
    }

    private static func event(_ reply: NetlinkReply) -> LinkEvent? {
        guard let link = NetworkLink(reply) else { return nil }
        switch Int(reply.type) {
        case RTM_NEWLINK: return .changed(link)
        case RTM_DELLINK: return .removed(index: link.index, name: link.name)
        default: return nil
        }
    }
}
