internal import Addressing
package import NIOCore

/// Stands below TLS: who is not admitted does not cost a handshake.
package final class AdmissionHandler: ChannelInboundHandler {
    package typealias InboundIn = ByteBuffer

    private let admission: AdmissionControl
    private let user: UInt32?
    private let flooded: @Sendable (_ source: String) -> Void
    /// What was admitted and not released.
    private var admitted: AdmissionControl.Source?
    /// Closed unheard. On the channel's event loop.
    package private(set) var isRefused = false

    /// - Parameters:
    ///   - user: who connected a Unix socket; nil where the address says who it is, or nothing does.
    ///   - flooded: is told once, until the source is within its limits again.
    package init(
        _ admission: AdmissionControl, user: UInt32? = nil, flooded: @escaping @Sendable (_ source: String) -> Void
    ) {
        self.admission = admission
        self.user = user
        self.flooded = flooded
    }

    package func channelActive(context: ChannelHandlerContext) {
        let address = context.remoteAddress?.ipAddress
        switch user.map({ admission.admit(user: $0) }) ?? admission.admit(address.flatMap(IPAddress.init)) {
        case .admitted(let source):
            admitted = source
            context.fireChannelActive()
        case .refused(let isFirst):
            isRefused = true
            if isFirst { flooded(user.map { "user \($0)" } ?? address ?? "unknown") }
            context.close(promise: nil)
        }
    }

    package func channelInactive(context: ChannelHandlerContext) {
        release()
        context.fireChannelInactive()
    }

    /// The connection is not pending any more. Once or more often, on the channel's event loop.
    package func release() {
        if let admitted { admission.release(admitted) }
        admitted = nil
    }
}
