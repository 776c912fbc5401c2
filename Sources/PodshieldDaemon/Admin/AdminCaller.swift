import GRPCCore
import NIOCore
import NIOHPACK
import NIOHTTP2

/// Who connected to the admin socket: sits in the connection, and from there is stamped on each of its calls.
final class AdminCaller: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    let user: UInt32

    init(user: UInt32) { self.user = user }

    private static let header = "podshield-user"

    /// The user that makes a call.
    static func user(of metadata: Metadata) -> UInt32? {
        metadata[stringValues: header].first { _ in true }.flatMap { UInt32($0) }
    }

    /// Before gRPC on every stream: takes out what the client sent under our header, and puts in what the kernel said.
    static func stamp(_ stream: any Channel) -> EventLoopFuture<Void> {
        stream.eventLoop.makeCompletedFuture {
            guard let connection = stream.parent else { throw ChannelError.operationUnsupported }
            let caller = try connection.pipeline.syncOperations.handler(type: AdminCaller.self)
            try stream.pipeline.syncOperations.addHandler(Stamp(caller.user), position: .first)
        }
    }

    private final class Stamp: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame.FramePayload
        typealias InboundOut = HTTP2Frame.FramePayload

        private let user: UInt32

        init(_ user: UInt32) { self.user = user }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .headers(var frame) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
            frame.headers.remove(name: AdminCaller.header)
            frame.headers.add(name: AdminCaller.header, value: "\(user)")
            context.fireChannelRead(wrapInboundOut(.headers(frame)))
        }
    }
}
