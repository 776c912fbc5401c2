import Addressing
import Identity
import KeyAgreement
import LinuxBinding
import NIOCore
import NIOPosix
import NodeLink
import OpenSSLBinding
import SecureTransport

/// One TLS connection with the victim, as bytes.
struct Connection {
    let channel: any Channel
    let outcome: HandshakeOutcome
    let messages: AsyncStream<LinkMessage>

    init(to victim: Directory.Node, as member: Membership) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let handshake = group.next().makePromise(of: HandshakeOutcome.self)
        let (messages, source) = AsyncStream.makeStream(of: LinkMessage.self)
        do {
            channel = try await ClientBootstrap(group: group)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandlers(
                            SecureTransportHandler(
                                role: .client, identity: member.transport, expecting: .node(exactly: victim.id),
                                alpn: ["podshield-link/1"]),
                            Ear(handshake, source))
                    }
                }
                .connect(host: victim.address.description, port: Int(victim.linkPort)).get()
        } catch {
            handshake.fail(error)
            throw error
        }
        self.messages = messages
        outcome = try await handshake.futureResult.get()
    }

    func send(_ frame: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: frame)) }

    func close() async { try? await channel.close() }
}

/// Hears what the victim says.
private final class Ear: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let handshake: EventLoopPromise<HandshakeOutcome>
    private let messages: AsyncStream<LinkMessage>.Continuation
    private var decoder = FrameDecoder()

    init(_ handshake: EventLoopPromise<HandshakeOutcome>, _ messages: AsyncStream<LinkMessage>.Continuation) {
        self.handshake = handshake
        self.messages = messages
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let outcome = event as? HandshakeOutcome { handshake.succeed(outcome) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(unwrapInboundIn(data).readableBytesView)
        while let message = try? decoder.next() { messages.yield(message) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        handshake.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        handshake.fail(MemberError.notConnected("closed"))
        messages.finish()
    }
}

extension Connection {
    /// Agrees on keys as an honest node would, by the machine that those have. Whatever follows is not told to it.
    func agree(with victim: Directory.Node, as member: Membership) async throws {
        let bootID = try BootIdentifier.read()
        var world = LinkWorld(
            epoch: .seconds(3600), preconnect: true, timing: LinkTiming(), entropy: .system, bootID: bootID,
            bundle: member.bundle)
        _ = world.take(member.directory)
        var peer = LinkPeer(victim, localID: member.identity.svid.id, now: .now)
        guard let id = dialled(by: peer.handle(.started([]), at: .now, in: &world) + dial(&peer, &world)) else {
            throw MemberError.notConnected("nothing is dialled")
        }
        try await perform(peer.handle(.secured(id, secured), at: .now, in: &world))
        for await message in messages {
            let actions = peer.handle(.received(id, message), at: .now, in: &world)
            try await perform(actions)
            if actions.contains(where: \.confirmsAnEpoch) { return }
        }
        throw MemberError.notConnected("no epoch is confirmed")
    }

    private func dial(_ peer: inout LinkPeer, _ world: inout LinkWorld) -> [LinkAction] {
        peer.handle(.rekey, at: .now, in: &world)
    }

    private func dialled(by actions: [LinkAction]) -> ConnectionID? {
        actions.lazy.compactMap { if case .dial(let id, _, _, _) = $0 { id } else { nil } }.first
    }

    private var secured: SecuredConnection {
        get throws {
            guard let peer = outcome.peer, let local = outcome.local else { throw MemberError.notConnected("nobody") }
            return SecuredConnection(
                role: .client, localSVID: local.svid, peerSVID: peer,
                exporter: Exporter { [outcome] (label, context, length) throws(OpenSSLError) in
                    try outcome.export(label: label, context: context, length: length)
                }, tlsGroup: outcome.group, tlsCipherSuite: outcome.cipherSuite)
        }
    }

    private func perform(_ actions: [LinkAction]) async throws {
        for case .send(_, let message) in actions { try await send(message.frame) }
    }
}

extension LinkAction {
    fileprivate var confirmsAnEpoch: Bool {
        if case .report(.epochConfirmed) = self { true } else { false }
    }
}

extension LinkTime {
    fileprivate static var now: LinkTime { LinkTime(boot: BootClock.nanoseconds, unix: Int64(time(nil))) }
}
