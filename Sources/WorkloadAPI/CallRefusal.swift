internal import GRPCCore
internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

/// Answers a call for which there is no place, in front of gRPC, which does not hear of it: that there is too much at the moment
/// (SPIFFE_Workload_Endpoint.md section 6), and nothing else.
final class CallRefusal: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private static let answer: HPACKHeaders = {
        let status = Denial.crowded.status
        // Its message has no character that gRPC would have to escape.
        return [
            ":status": "200", "content-type": "application/grpc", "grpc-status": "\(status.code.rawValue)",
            "grpc-message": status.message,
        ]
    }()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .headers = unwrapInboundIn(data) else { return }
        let channel = context.channel
        let frame = HTTP2Frame.FramePayload.headers(.init(headers: Self.answer, endStream: true))
        context.writeAndFlush(wrapOutboundOut(frame)).whenComplete { _ in channel.close(promise: nil) }
    }
}
