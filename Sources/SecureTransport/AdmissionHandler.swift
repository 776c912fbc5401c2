internal import Addressing
package import NIOCore

/// Stands below TLS: who is not admitted does not cost a handshake.
package final class AdmissionHandler: ChannelInboundHandler {
    package typealias InboundIn = ByteBuffer

    private let admission: AdmissionControl
    private let flooded: @Sendable (_ source: String) -> Void
    /// What was admitted and not released.
    private var admitted: IPPrefix??

    /// - Parameter flooded: is told once, until the source is within its limits again.
    package init(_ admission: AdmissionControl, flooded: @escaping @Sendable (_ source: String) -> Void) {
        self.admission = admission
        self.flooded = flooded
    }

    package func channelActive(context: ChannelHandlerContext) {
        let source = context.remoteAddress?.ipAddress
        let site = source.flatMap(IPAddress.init)?.site
        switch admission.admit(site, at: context.eventLoop.now) {
        case .admitted:
            admitted = .some(site)
            context.fireChannelActive()
        case .refused(let isFirst):
            if isFirst { flooded(source ?? "unknown") }
            context.close(promise: nil)
        }
    }

    package func channelInactive(context: ChannelHandlerContext) {
        release()
        context.fireChannelInactive()
    }

    /// The connection does not count as a stranger's any more. Once or more often, on the channel's event loop.
    package func release() {
        if let site = admitted { admission.release(site) }
        admitted = nil
    }
}
