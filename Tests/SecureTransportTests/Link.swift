import NIOCore
import NIOEmbedded
import SecureTransport
import Testing

/// What reached the application above a handler.
final class Recorder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    var outcomes: [HandshakeOutcome] = []
    var errors: [SecureTransportError] = []
    var received: [UInt8] = []
    var isInactive = false

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let outcome = event as? HandshakeOutcome { outcomes.append(outcome) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += unwrapInboundIn(data).readableBytesView
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? SecureTransportError else {
            Issue.record("an untyped error: \(error)")
            return
        }
        errors.append(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        isInactive = true
        context.fireChannelInactive()
    }
}

/// One end of a link: a handler on a channel without a socket.
struct End {
    let channel: EmbeddedChannel
    let handler: SecureTransportHandler
    let recorder = Recorder()

    init(
        _ role: SecureTransportHandler.Role, _ identity: TransportIdentity, _ expectation: PeerExpectation,
        alpn: [String] = [], loop: EmbeddedEventLoop = EmbeddedEventLoop()
    ) throws {
        handler = SecureTransportHandler(role: role, identity: identity, expecting: expectation, alpn: alpn)
        channel = EmbeddedChannel(handlers: [handler, recorder], loop: loop)
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/test")).wait()
    }

    var outcome: HandshakeOutcome? { recorder.outcomes.first }
    var error: SecureTransportError? { recorder.errors.first }

    func send(_ bytes: [UInt8]) { channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }

    func takeOutput() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { bytes += buffer.readableBytesView }
        return bytes
    }

    func give(_ bytes: [UInt8], chunk: Int = .max) {
        for start in stride(from: 0, to: bytes.count, by: min(chunk, max(bytes.count, 1))) {
            let slice = bytes[start..<min(start + min(chunk, bytes.count), bytes.count)]
            channel.pipeline.fireChannelRead(ByteBuffer(bytes: slice))
            channel.pipeline.fireChannelReadComplete()
        }
    }

    func endOfStream() { channel.pipeline.fireChannelInactive() }
}

/// A client and a server with a wire between them that moves bytes when told to.
struct Link {
    let client: End
    let server: End

    /// Carries bytes both ways until neither end has any.
    func run(chunk: Int = .max) throws {
        while true {
            let toServer = try client.takeOutput()
            server.give(toServer, chunk: chunk)
            let toClient = try server.takeOutput()
            client.give(toClient, chunk: chunk)
            if toServer.isEmpty, toClient.isEmpty { return }
        }
    }
}
