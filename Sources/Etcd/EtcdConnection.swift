internal import EtcdAPI
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import LinuxBinding
internal import SwiftProtobuf

/// The calls that are made to one member. Connects when the first is made, and again when the connection was lost.
final class EtcdConnection: Sendable {
    private typealias Transport = HTTP2ClientTransport.Posix

    let member: EtcdMembers.Address
    private let client: GRPCClient<Transport>
    private let running: Task<Void, any Error>

    /// Reads the files. Refuses roots that others may write, and a key that others may read.
    init(_ member: EtcdMembers.Address, of members: EtcdMembers) throws {
        self.member = member
        let roots = try GuardedFile.read(members.roots)
        try PrivateFile.check(FileDescriptor(opening: members.key), path: members.key)
        let security = Transport.TransportSecurity.mTLS(
            certificateChain: [.file(path: members.certificate, format: .pem)],
            privateKey: .file(path: members.key, format: .pem)
        ) { tls in
            tls.trustRoots = .certificates([.bytes(roots, format: .pem)])
            tls.serverCertificateVerification = .fullVerification
        }
        let transport = try Transport(
            target: Self.target(member), transportSecurity: security,
            config: .defaults { configuration in
                configuration.connection.keepalive = HTTP2ClientTransport.Config.Keepalive(
                    time: .seconds(10), timeout: .seconds(5), allowWithoutCalls: false)
                configuration.connection.maxIdleTime = nil
            })
        let client = GRPCClient(transport: transport)
        self.client = client
        running = Task { try await client.runConnections() }
    }

    /// A name is what the certificate has to show, and an address is no name.
    private static func target(_ member: EtcdMembers.Address) -> any ResolvableTarget {
        let (host, port) = (member.host, Int(member.port))
        if host.contains(":") { return .ipv6(address: host, port: port) }
        if host.allSatisfy({ $0.isNumber || $0 == "." }) { return .ipv4(address: host, port: port) }
        return .dns(host: host, port: port)
    }

    deinit {
        client.beginGracefulShutdown()
        running.cancel()
    }

    func range(
        _ request: Etcdserverpb_RangeRequest, within limit: Duration
    ) async throws -> Etcdserverpb_RangeResponse {
        try await Etcdserverpb_KV.Client(wrapping: client).range(request, options: Self.options(limit))
    }

    func transaction(
        _ request: Etcdserverpb_TxnRequest, within limit: Duration
    ) async throws -> Etcdserverpb_TxnResponse {
        try await Etcdserverpb_KV.Client(wrapping: client).txn(request, options: Self.options(limit))
    }

    /// Until `heard` throws, the connection is lost or the task is cancelled.
    func watch(
        _ request: Etcdserverpb_WatchCreateRequest,
        heard: @escaping @Sendable (Etcdserverpb_WatchResponse) async throws -> Void
    ) async throws {
        // A member that is cut off from the others would else be silent.
        try await Etcdserverpb_Watch.Client(wrapping: client).watch(metadata: ["hasleader": "true"]) { writer in
            // That nothing more is asked for does not end it.
            try await writer.write(.with { $0.createRequest = request })
        } onResponse: { response in
            for try await message in response.messages { try await heard(message) }
        }
    }

    private static func options(_ limit: Duration) -> CallOptions {
        var options = CallOptions.defaults
        options.timeout = limit
        options.waitForReady = false
        options.maxResponseMessageBytes = 64 << 20
        options.maxRequestMessageBytes = 64 << 20
        return options
    }
}
