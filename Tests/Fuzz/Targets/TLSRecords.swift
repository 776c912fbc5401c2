internal import Identity
internal import LinkTestSupport
internal import NIOCore
internal import NIOEmbedded
internal import SecureTransport

/// Bytes at one end of a TLS connection, at any moment of its life: made up, or what the peer really sent, changed. The end
/// waits for more or fails once and closes, hands on nothing but what the peer sealed, and is done when its time is up.
func fuzzTLSRecords(_ input: [UInt8]) {
    var reader = InputReader(input)
    let loop = EmbeddedEventLoop()
    let (client, server) = (TLSEnd(.client, loop), TLSEnd(.server, loop))
    let moment = TLSMoment.allCases[reader.index(below: TLSMoment.allCases.count)]
    let chunk = max(reader.index(below: 256), 1)
    let (victim, genuine) = moment.reach(client, server)
    victim.give(reader.edited(genuine), chunk: chunk)
    victim.check()
    loop.advanceTime(by: SecureTransportLimits.handshakeTimeout + .seconds(3))
    victim.check()
    precondition(!victim.channel.isActive || victim.recorder.outcome != nil && victim.recorder.errors == 0)
}

/// What the client has sealed when the connection is up.
private let secret: [UInt8] = Array("what the peer sealed".utf8)

private enum TLSMoment: CaseIterable {
    case serverBegins, clientBegins, serverHasHello, established, closing

    /// The end that gets the bytes, and what its peer really has for it.
    func reach(_ client: TLSEnd, _ server: TLSEnd) -> (victim: TLSEnd, genuine: [UInt8]) {
        let hello = client.takeOutput()
        if self == .serverBegins { return (server, hello) }
        server.give(hello)
        let flight = server.takeOutput()
        if self == .clientBegins { return (client, flight) }
        client.give(flight)
        if self == .serverHasHello { return (server, client.takeOutput()) }
        server.give(client.takeOutput())
        precondition(server.recorder.outcome != nil && client.recorder.outcome != nil)
        client.channel.writeAndFlush(ByteBuffer(bytes: secret), promise: nil)
        if self == .closing { server.channel.close(promise: nil) }
        return (server, client.takeOutput())
    }
}

/// One end: a handler on a channel without a socket.
private struct TLSEnd {
    let channel: EmbeddedChannel
    let recorder = TLSRecorder()

    init(_ role: SecureTransportHandler.Role, _ loop: EmbeddedEventLoop) {
        let cast = TLSCast.shared
        let bundle = cast.domain.bundle
        let own = role == .client ? cast.client : cast.server
        let identity = TransportIdentity(current: { own }, bundle: { bundle }, now: { TestDomain.now })
        let handler = SecureTransportHandler(role: role, identity: identity, expecting: .node(exactly: nil))
        channel = EmbeddedChannel(handlers: [handler, recorder], loop: loop)
        channel.connect(to: try! SocketAddress(unixDomainSocketPath: "/fuzz"), promise: nil)
    }

    func takeOutput() -> [UInt8] {
        var bytes: [UInt8] = []
        while let buffer = try! channel.readOutbound(as: ByteBuffer.self) { bytes += buffer.readableBytesView }
        return bytes
    }

    func give(_ bytes: [UInt8], chunk: Int = .max) {
        var rest = bytes[...]
        while !rest.isEmpty {
            channel.pipeline.fireChannelRead(ByteBuffer(bytes: rest.prefix(chunk)))
            channel.pipeline.fireChannelReadComplete()
            rest = rest.dropFirst(chunk)
        }
    }

    func check() {
        precondition(recorder.errors <= 1 && (recorder.errors == 0 || !channel.isActive))
        precondition(secret.starts(with: recorder.received))
        guard let peer = recorder.outcome?.peer else { return }
        precondition([TLSCast.shared.client.svid, TLSCast.shared.server.svid].contains(peer))
    }
}

private struct TLSCast: Sendable {
    let domain: TestDomain
    let client: KeyedSVID
    let server: KeyedSVID

    static let shared: TLSCast = {
        do { return try TLSCast() } catch { fatalError("\(error)") }
    }()

    private init() throws {
        domain = try TestDomain()
        client = try domain.node("a")
        server = try domain.node("b")
    }
}

/// What reached the application.
private final class TLSRecorder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private(set) var outcome: HandshakeOutcome?
    private(set) var errors = 0
    private(set) var received: [UInt8] = []

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? HandshakeOutcome else { return }
        precondition(outcome == nil)
        outcome = event
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += unwrapInboundIn(data).readableBytesView
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        precondition(error is SecureTransportError)
        errors += 1
    }
}
