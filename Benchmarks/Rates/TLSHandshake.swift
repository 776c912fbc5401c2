import Identity
import NIOCore
import NIOEmbedded
import SecureTransport

/// Two nodes' whole TLS 1.3 handshake without sockets: both ends' computing, both certificates verified.
struct TLSHandshake {
    private let domain: BenchmarkDomain
    private let client: KeyedSVID
    private let server: KeyedSVID

    init() throws {
        domain = try BenchmarkDomain()
        client = try domain.node("node-a")
        server = try domain.node("node-b")
    }

    func rate(for duration: Duration) throws -> Double {
        try turnsPerSecond(for: duration) { try shakeHands() }
    }

    private func shakeHands() throws {
        let dialler = try End(.client, domain.identity(client), .node(exactly: server.svid.id))
        let listener = try End(.server, domain.identity(server), .node(exactly: client.svid.id))
        while try dialler.send(to: listener) || listener.send(to: dialler) {}
        guard dialler.handler.outcome != nil, listener.handler.outcome != nil else { throw Incomplete() }
        dialler.close()
        listener.close()
    }

    struct Incomplete: Error {}
}

private struct End {
    let handler: SecureTransportHandler
    private let channel: EmbeddedChannel

    init(
        _ role: SecureTransportHandler.Role, _ identity: TransportIdentity, _ expectation: PeerExpectation
    ) throws {
        handler = SecureTransportHandler(role: role, identity: identity, expecting: expectation)
        channel = EmbeddedChannel(handler: handler)
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/benchmark")).wait()
    }

    /// Whether there was anything to send.
    func send(to peer: End) throws -> Bool {
        var sent = false
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) {
            peer.channel.pipeline.fireChannelRead(bytes)
            peer.channel.pipeline.fireChannelReadComplete()
            sent = true
        }
        return sent
    }

    func close() {
        channel.pipeline.fireChannelInactive()
        _ = try? channel.finish()
    }
}
