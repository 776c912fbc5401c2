internal import Addressing
internal import Glibc
internal import Identity
internal import KeyAgreement
internal import NIOCore
internal import NIOPosix
internal import OpenSSLBinding
internal import SecureTransport
internal import Synchronization

extension NodeLinkService {
    /// A connection that a peer's machine knows.
    struct Connection {
        let peer: NodeNumber
        /// Nil while it is dialled.
        var channel: LinkChannel?
        var isConfirmed = false
    }

    /// RFC 7301.
    static let applicationProtocol = "podshield-link/1"

    // MARK: Making them

    func listen() async throws(NodeLinkError) -> any Channel {
        let address = settings.address
        let ids = IncomingIDs()
        do {
            return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.backlog, value: 256)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.autoRead, value: false)
                .childChannelInitializer { [self] channel in
                    channel.eventLoop.makeCompletedFuture { try accept(channel, ids.next()) }
                }
                .bind(host: address.description, port: Int(settings.port)).get()
        } catch {
            throw .cannotListen(address: "\(address) port \(settings.port)", reason: SocketFailure.reason(error))
        }
    }

    private nonisolated func accept(_ channel: any Channel, _ id: ConnectionID) throws {
        let gate = AdmissionHandler(admission) { [observe] in observe(.flood(source: $0)) }
        try channel.pipeline.syncOperations.addHandlers(
            gate, transport(.server, expecting: .node(exactly: nil)), LinkHandler(id, eventSource, admission: gate))
    }

    private nonisolated func transport(
        _ role: SecureTransportHandler.Role, expecting expectation: PeerExpectation
    ) -> SecureTransportHandler {
        SecureTransportHandler(
            role: role, identity: identity, expecting: expectation, alpn: [Self.applicationProtocol],
            handshakeTimeout: .nanoseconds(Int64(clamping: settings.timing.handshake.nanoseconds)))
    }

    func dial(_ id: ConnectionID, _ peer: NodeNumber, _ address: IPAddress, _ port: UInt16, _ name: SPIFFEID) {
        connections[id] = Connection(peer: peer)
        let connecting = bootstrap(toward: address)
            .connectTimeout(.nanoseconds(Int64(clamping: settings.timing.handshake.nanoseconds)))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.autoRead, value: false)
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        transport(.client, expecting: .node(exactly: name)),
                        LinkHandler(id, eventSource, admission: nil))
                }
            }
            .connect(host: address.description, port: Int(port))
        connecting.whenFailure { [eventSource] error in
            eventSource.yield(
                .closed(
                    id, .transport("cannot connect: \(ConnectFailure.reason(error))"), source: address.description,
                    wasSecured: false))
        }
    }

    /// Dials from the address that the directory has of this node: by it the peer tells us from strangers.
    private func bootstrap(toward peer: IPAddress) -> ClientBootstrap {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        let own = settings.address
        guard own.isIPv4 == peer.isIPv4, let local = try? SocketAddress(ipAddress: "\(own)", port: 0) else {
            return bootstrap
        }
        return bootstrap.channelOption(.ipOption(.portWhenConnecting), value: 1)
            .bind(to: local)
    }

    // MARK: What they tell

    func take(_ event: ChannelEvent) {
        switch event {
        case .secured(let id, let outcome, let channel): secured(id, outcome, channel)
        case .messages(let id, let messages):
            guard let peer = connections[id]?.peer else { return }
            for message in messages { enqueue(.received(id, message), to: peer) }
            enqueue(.resume(id), to: peer)
        case .broken(let id, let failure):
            if let peer = connections[id]?.peer { enqueue(.broken(id, failure), to: peer) }
        case .closed(let id, let failure, let source, let wasSecured): closed(id, failure, source, wasSecured)
        }
    }

    private func secured(_ id: ConnectionID, _ outcome: HandshakeOutcome, _ channel: LinkChannel) {
        // A connection that was dialled and is not wanted any more is not known.
        let isOurs = !id.isIncoming
        guard let peer = outcome.peer, let local = outcome.local, !isOurs || connections[id] != nil else {
            return channel.close(telling: .superseded)
        }
        guard let number = connections[id]?.peer ?? world.directory?.node(peer.id)?.number, runners[number] != nil
        else {
            channel.close(telling: .notInDirectory)
            return observe(
                .connectionFailed(source: "\(peer.id)", peer.id, reason: "\(LinkFailure.notInDirectory(peer.id))"))
        }
        connections[id] = Connection(peer: number, channel: channel)
        let exporter = Exporter { (label, context, length) throws(OpenSSLError) in
            try outcome.export(label: label, context: context, length: length)
        }
        let secured = SecuredConnection(
            role: isOurs ? .client : .server, localSVID: local.svid, peerSVID: peer, exporter: exporter,
            tlsGroup: outcome.group, tlsCipherSuite: outcome.cipherSuite)
        enqueue(.secured(id, secured), to: number)
    }

    private func closed(_ id: ConnectionID, _ failure: LinkFailure, _ source: String, _ wasSecured: Bool) {
        if let peer = connections[id]?.peer {
            // Its last messages are before it in the queue.
            enqueue(.ended(id, failure), to: peer)
            connections[id]?.channel = nil
        } else if !wasSecured, id.isIncoming {
            observe(.connectionFailed(source: source, nil, reason: "\(failure)"))
        }
    }

    func close(_ id: ConnectionID, _ failure: LinkFailure) {
        connections.removeValue(forKey: id)?.channel?.close(telling: failure.closeReason)
    }
}

/// Numbers of accepted connections, apart from those of dialled ones.
private final class IncomingIDs: Sendable {
    private let last = Atomic<UInt64>(ConnectionID.incomingBit)

    func next() -> ConnectionID { ConnectionID(rawValue: last.add(1, ordering: .relaxed).newValue) }
}

extension NIOBSDSocket.Option {
    /// `IP_BIND_ADDRESS_NO_PORT`, ip(7): the port need not be free towards others than this peer.
    fileprivate static let portWhenConnecting = NIOBSDSocket.Option(rawValue: IP_BIND_ADDRESS_NO_PORT)
}

extension ConnectionID {
    fileprivate static let incomingBit: UInt64 = 1 << 63
    var isIncoming: Bool { rawValue & Self.incomingBit != 0 }
}
