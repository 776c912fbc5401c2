internal import GRPCCore
internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

/// Sits in a connection with its number, and from there puts it on each of the connection's calls. A connection that makes none
/// is closed: gRPC itself waits for one that never even says that it speaks HTTP/2.
final class ConnectionStamp: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// Who counts calls.
    struct Calls: Sendable {
        /// False where there is no place for another.
        let begin: @Sendable () -> Bool
        let end: @Sendable () -> Void
    }

    private let number: UInt64
    private let patience: TimeAmount
    private let calls: Calls?
    private var end: Scheduled<Void>?

    /// - Parameter calls: hears of each from its first frame to its last; nil where they are counted elsewhere.
    init(_ number: UInt64, patience: Duration, calls: Calls? = nil) {
        self.number = number
        self.patience = TimeAmount(patience)
        self.calls = calls
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        end = context.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { end?.cancel() }

    private static let header = "podshield-connection"

    /// The connection that a call came by.
    static func number(of metadata: Metadata) -> UInt64? {
        metadata[stringValues: header].first { _ in true }.flatMap { UInt64($0) }
    }

    /// Before gRPC on every stream.
    static func install(on stream: any Channel) -> EventLoopFuture<Void> {
        stream.eventLoop.makeCompletedFuture {
            guard let connection = stream.parent else { throw ChannelError.operationUnsupported }
            let stamp = try connection.pipeline.syncOperations.handler(type: ConnectionStamp.self)
            stamp.end?.cancel()
            guard let calls = stamp.calls else { return try stream.pipeline.syncOperations.press(stamp.number) }
            guard calls.begin() else {
                return try stream.pipeline.syncOperations.addHandler(CallRefusal(), position: .first)
            }
            stream.closeFuture.whenComplete { _ in calls.end() }
            try stream.pipeline.syncOperations.press(stamp.number)
        }
    }

    /// Takes out what the client sent under our header, and puts in what is true.
    fileprivate final class Press: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame.FramePayload
        typealias InboundOut = HTTP2Frame.FramePayload

        private let number: UInt64

        init(_ number: UInt64) { self.number = number }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .headers(var frame) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
            frame.headers.remove(name: ConnectionStamp.header)
            frame.headers.add(name: ConnectionStamp.header, value: "\(number)")
            context.fireChannelRead(wrapInboundOut(.headers(frame)))
        }
    }
}

extension ChannelPipeline.SynchronousOperations {
    fileprivate func press(_ number: UInt64) throws {
        try addHandler(ConnectionStamp.Press(number), position: .first)
    }
}
