import AuthorityAPI
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import GRPCProtobuf
import Identity
import Issuance
import KernelTestSupport
import LinkTestSupport
import NIOCore
import NIOPosix
import OpenSSLBinding
import SecureTransport
import SwiftProtobuf
import Synchronization
import WorkloadProtocol

@testable import WorkloadAPI

typealias BrokerClient = Spiffe_Broker_API.Client<HTTP2ClientTransport.Posix>
typealias Reference = Spiffe_Broker_WorkloadReference

let asBroker: Metadata = ["broker.spiffe.io": "true"]

/// A Broker API on a socket and an address of its own, with two brokers: one that may do all, one that may refer to processes
/// alone.
final class TestBrokers: Sendable {
    let identities: TestIdentities
    let server: BrokerServer
    let path: String
    let port: Int
    let broker: KeyedSVID
    let limited: KeyedSVID
    /// How the server shows itself.
    let node: NodeBox
    let events: ToldEvents
    private let directory: TemporaryDirectory
    private let running: Task<Void, any Error>

    private init(limits: BrokerLimits) async throws {
        let identities = try TestIdentities()
        self.identities = identities
        (broker, limited) = (try identities.svid("broker"), try identities.svid("limited"))
        let node = NodeBox(try identities.domain.node("a"))
        self.node = node
        directory = try TemporaryDirectory()
        path = directory.path + "/broker.sock"
        let events = ToldEvents()
        self.events = events
        server = try BrokerServer(
            at: [.socket(path: path), .address("127.0.0.1", port: 0)],
            identity: TransportIdentity(
                current: { node.svid }, bundle: { node.bundle ?? identities.bundle }, now: identities.now),
            identities: identities,
            policy: BrokerPolicy([
                broker.svid.id: .init(references: [.process, .kubernetes], overTCP: [.process, .kubernetes]),
                limited.svid.id: .init(references: [.process]),
            ]), limits: limits, observe: { events.add($0) })
        let server = server
        running = Task { try await server.run() }
        guard await server.isListening else {
            try await running.value
            throw CancellationError()
        }
        port = await server.transports.last?.listeningAddress?.ipv4?.port ?? 0
    }

    /// Serves while `body` runs. When this returns nobody is connected any more.
    static func run(
        limits: BrokerLimits = BrokerLimits(), _ body: @Sendable (TestBrokers) async throws -> Void
    ) async throws {
        let brokers = try await TestBrokers(limits: limits)
        let result: Result<Void, any Error>
        do { result = .success(try await body(brokers)) } catch { result = .failure(error) }
        brokers.server.stop()
        try await brokers.running.value
        try result.get()
    }

    /// gRPC over the TLS of another library than ours.
    ///
    /// - Parameters:
    ///   - svid: nil for a client without a certificate.
    ///   - relay: a socket behind which somebody passes on what comes; nil for the server's own.
    func withConnection<Result: Sendable>(
        of svid: KeyedSVID?, byTCP: Bool = false, through relay: String? = nil,
        _ body: @Sendable (GRPCClient<HTTP2ClientTransport.Posix>) async throws -> Result
    ) async throws -> Result {
        var security = HTTP2ClientTransport.Posix.TransportSecurity.TLS.defaults
        // SVIDs name no host; that the server is this node, another test sees.
        security.serverCertificateVerification = .noHostnameVerification
        security.trustRoots = .certificates([.bytes(identities.domain.authority.certificate.der, format: .der)])
        if let svid {
            security.certificateChain = svid.svid.chain.map { .bytes($0.der, format: .der) }
            let key = try unsafe svid.key.pkcs8DER().withUnsafeBytes { unsafe Array($0) }
            security.privateKey = .bytes(key, format: .der)
        }
        let transport = try HTTP2ClientTransport.Posix(
            target: byTCP ? .ipv4(address: "127.0.0.1", port: port) : .unixDomainSocket(path: relay ?? path),
            transportSecurity: .tls(security))
        return try await withGRPCClient(transport: transport, handleClient: body)
    }

    func withBroker<Result: Sendable>(
        _ svid: KeyedSVID? = nil, byTCP: Bool = false, through relay: String? = nil,
        _ body: @Sendable (BrokerClient) async throws -> Result
    ) async throws -> Result {
        try await withConnection(of: svid ?? broker, byTCP: byTCP, through: relay) {
            try await body(BrokerClient(wrapping: $0))
        }
    }

    /// What a call without an answer ends with, of a client that is refused before it can make one.
    func refusal(of svid: KeyedSVID?, byTCP: Bool = false) async -> RPCError.Code? {
        var options = CallOptions.defaults
        options.timeout = .seconds(30)
        options.waitForReady = false
        let limited = options
        return await status {
            try await withConnection(of: svid, byTCP: byTCP) { connection in
                _ = try await BrokerClient(wrapping: connection).fetchJWTSVID(
                    .init(), metadata: asBroker, options: limited)
            }
        }
    }

    /// A pod of this node with an SVID of its own.
    @discardableResult
    func addPod(_ name: String, uid: String? = nil, instance: String = "first") throws -> KnownPod {
        let svid = try identities.svid(name)
        let facts = try PodFacts(namespace: "shop", serviceAccount: name, name: "\(name)-0", labels: ["app": name])
        let pod = KnownPod(facts: facts, svid: svid, instance: instance)
        identities.change { $0.hosted.append((pod, uid.flatMap(PodUID.init))) }
        return pod
    }

    func removePod(_ name: String) { identities.change { $0.hosted.removeAll { $0.pod.facts.name == "\(name)-0" } } }

    func revoke(_ svid: KeyedSVID) throws { try identities.revoke(svid) }
}

/// A program that connects to a broker's socket for whoever connects to its own: for the server, the broker is that program.
final class Relay: Sendable {
    let path: String
    let program: RunningProgram
    private let directory: TemporaryDirectory

    private static let script = """
        import asyncio, sys
        async def pump(reader, writer):
            while data := await reader.read(65536):
                writer.write(data)
            writer.close()
        async def carry(near, back):
            far, out = await asyncio.open_unix_connection(sys.argv[2])
            await asyncio.gather(pump(near, out), pump(far, back), return_exceptions=True)
        async def serve():
            server = await asyncio.start_unix_server(carry, sys.argv[1])
            await server.serve_forever()
        asyncio.run(serve())
        """

    /// - Parameter words: by what it is started.
    init(to target: String, by words: [String] = []) async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/relay.sock"
        (self.directory, self.path) = (directory, path)
        program = try RunningProgram(words + ["python3", "-c", Self.script, path, target])
        guard await eventually({ FileManager.default.fileExists(atPath: path) }) else { throw CancellationError() }
    }
}

/// What the server shows, and what it judges by.
final class NodeBox: Sendable {
    private let held: Mutex<(svid: KeyedSVID, bundle: TrustBundle?)>
    init(_ svid: KeyedSVID) { held = Mutex((svid, nil)) }
    var svid: KeyedSVID {
        get { held.withLock { $0.svid } }
        set { held.withLock { $0.svid = newValue } }
    }
    /// What certificates are judged by when they come; nil for the newest, as it should be.
    var bundle: TrustBundle? {
        get { held.withLock { $0.bundle } }
        set { held.withLock { $0.bundle = newValue } }
    }
}

final class ToldEvents: Sendable {
    private let events = Mutex<[BrokerEvent]>([])
    func add(_ event: BrokerEvent) { events.withLock { $0.append(event) } }
    var all: [BrokerEvent] { events.withLock { $0 } }
    /// Why connections were refused.
    var refusals: [String] { all.compactMap { if case .refused(_, let reason) = $0 { reason } else { nil } } }
    var served: [String] {
        all.compactMap { event in
            guard case .served(_, let workload, let identities, let call) = event else { return nil }
            return ([call, workload] + identities.map(\.path)).joined(separator: " ")
        }
    }
}

extension TestDomain {
    /// An SVID that is good for so many seconds more.
    func workload(_ account: String, endingIn seconds: Int64) throws -> KeyedSVID {
        let passed = Int64(Date().timeIntervalSince1970) - Self.now
        return try workload(account, number: 300, on: nodeID("a"), lifetime: .seconds(passed + seconds))
    }
}

extension Reference {
    init(_ message: some Message, named name: String) throws {
        self.init()
        reference.typeURL = "type.googleapis.com/spiffe.broker.\(name)"
        reference.value = try message.serializedBytes()
    }

    static func process(_ number: Int32) throws -> Reference {
        try Reference(Spiffe_Broker_WorkloadPIDReference.with { $0.pid = number }, named: "WorkloadPIDReference")
    }

    static func pod(_ name: String?, namespace: String = "shop", uid: String = "") throws -> Reference {
        try object("pods", "core", name, namespace: namespace, uid: uid)
    }

    static func object(
        _ plural: String, _ group: String, _ name: String?, namespace: String, uid: String = ""
    ) throws -> Reference {
        let message = Spiffe_Broker_KubernetesObjectReference.with {
            $0.type.plural = plural
            $0.type.group = group
            if let name {
                $0.key.namespace = namespace
                $0.key.name = name
            }
            $0.uid = uid
        }
        return try Reference(message, named: "KubernetesObjectReference")
    }
}

/// The first message of each stream.
extension BrokerClient {
    typealias SVIDs = Spiffe_Broker_SubscribeToX509SVIDResponse

    func svids(_ reference: Reference, _ metadata: Metadata = asBroker) async throws -> SVIDs? {
        try await subscribeToX509SVID(.with { $0.reference = reference }, metadata: metadata) {
            try await $0.messages.first { _ in true }
        }
    }

    func bundles(
        _ reference: Reference, _ metadata: Metadata = asBroker
    ) async throws -> Spiffe_Broker_SubscribeToX509BundlesResponse? {
        try await subscribeToX509Bundles(.with { $0.reference = reference }, metadata: metadata) {
            try await $0.messages.first { _ in true }
        }
    }

    func tokens(
        _ reference: Reference, _ metadata: Metadata = asBroker, audience: [String] = ["a"], id: String = ""
    ) async throws -> Spiffe_Broker_FetchJWTSVIDResponse {
        let request = Spiffe_Broker_FetchJWTSVIDRequest.with {
            $0.reference = reference
            $0.audience = audience
            $0.spiffeID = id
        }
        return try await fetchJWTSVID(request, metadata: metadata)
    }

    func jwtBundles(
        _ reference: Reference, _ metadata: Metadata = asBroker
    ) async throws -> Spiffe_Broker_SubscribeToJWTBundlesResponse? {
        try await subscribeToJWTBundles(.with { $0.reference = reference }, metadata: metadata) {
            try await $0.messages.first { _ in true }
        }
    }

    /// Each of the four with this reference.
    func calls(
        _ reference: Reference, _ metadata: Metadata = asBroker
    ) -> [@Sendable () async throws -> Void] {
        [
            { _ = try await self.svids(reference, metadata) }, { _ = try await self.bundles(reference, metadata) },
            { _ = try await self.tokens(reference, metadata) }, { _ = try await self.jwtBundles(reference, metadata) },
        ]
    }
}

/// Code and reason that a call ends with, as `NOT_FOUND WORKLOAD_NOT_FOUND spiffe.io`.
func failure(of call: () async throws -> Void) async -> String {
    do {
        try await call()
        return "no failure"
    } catch let error as RPCError {
        let details = (try? error.unpackGoogleRPCStatus())?.details ?? []
        let reasons = details.compactMap(\.errorInfo).map { " \($0.reason) \($0.domain)" }
        return "\(error.code)\(reasons.joined())"
    } catch {
        return "\(error)"
    }
}
