internal import KeyAgreement
internal import NIOCore

/// Stands below TLS: who is not admitted does not cost a handshake.
final class AdmissionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let admission: AdmissionControl
    private let now: @Sendable () -> BootNanoseconds
    private let flooded: @Sendable (String) -> Void
    /// Admitted and not released.
    private var source: String?

    init(
        _ admission: AdmissionControl, now: @escaping @Sendable () -> BootNanoseconds,
        flooded: @escaping @Sendable (String) -> Void
    ) {
        self.admission = admission
        self.now = now
        self.flooded = flooded
    }

    func channelActive(context: ChannelHandlerContext) {
        let name = context.remoteAddress?.ipAddress ?? "unknown"
        switch admission.admit(name, at: now()) {
        case .admitted:
            source = name
            context.fireChannelActive()
        case .refused(let isFirst):
            if isFirst { flooded(name) }
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        release()
        context.fireChannelInactive()
    }

    func release() {
        if let source { admission.release(source) }
        source = nil
    }
}
