import AuthorityAPI
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import Identity
import Issuance
import JOSE
import KernelTestSupport
import LinkTestSupport
import LinuxBinding
import Synchronization
import WorkloadProtocol

@testable import WorkloadAPI

/// A node's identities that a test is in charge of.
final class TestIdentities: WorkloadIdentities {
    struct Values {
        var entries: [WorkloadEntry]? = []
        /// Else those are of an earlier run.
        var areAllEntries = true
        var svids: [String: KeyedSVID] = [:]
        var pods: [Int32: KnownPod] = [:]
        /// As brokers may refer to them.
        var hosted: [(pod: KnownPod, uid: PodUID?)] = []
        /// What the container runtime says.
        var containers: [ContainerID: ContainerKnowledge] = [:]
        var bundle: TrustBundle
        /// Beside the first one.
        var laterJWTKeys: [JWTSigningKey] = []
        var foreignBundles: [BundleDocument] = []
    }

    let domain: TestDomain
    let jwtKey: JWTSigningKey
    private let values: Mutex<Values>
    private let followsClock = Flag()
    private let ahead = Mutex<Int64>(0)
    private let meanwhile = Mutex<(@Sendable () -> Void)?>(nil)
    private let issuing = Mutex<(@Sendable () async -> Void)?>(nil)
    private let enquiry = Mutex<(asked: Set<ContainerID>, during: (@Sendable () -> Void)?)>(([], nil))
    private let watchers = Mutex<[AsyncStream<Void>.Continuation]>([])
    /// The entries that the last watch was asked to follow.
    let followed = Mutex<Set<String>?>(nil)

    init() throws {
        domain = try TestDomain("example.org")
        jwtKey = try .generate(for: domain.name, notAfter: TestDomain.now + 3600)
        values = Mutex(Values(bundle: domain.bundle))
    }

    /// Happens once, when entries are asked for next.
    func during(_ body: @escaping @Sendable () -> Void) { meanwhile.withLock { $0 = body } }

    /// Happens once, while an SVID or a token is issued: nothing is held until then.
    func duringIssuance(_ body: @escaping @Sendable () async -> Void) { issuing.withLock { $0 = body } }

    private func issue() async {
        let body = issuing.withLock { issuing in
            defer { issuing = nil }
            return issuing
        }
        await body?()
    }

    func entries() async -> KnownEntries {
        let body = meanwhile.withLock { meanwhile in
            defer { meanwhile = nil }
            return meanwhile
        }
        body?()
        return values.withLock { values in
            let listed = (values.entries ?? []).enumerated().map { ListedEntry($1, createdAt: Int64($0)) }
            return KnownEntries(
                index: EntryIndex(listed), areAll: values.entries != nil && values.areAllEntries)
        }
    }
    func heldSVID(of entry: WorkloadEntry) async -> KeyedSVID? {
        issuing.withLock { $0 == nil } ? values.withLock { $0.svids[entry.id] } : nil
    }
    func svid(of entry: WorkloadEntry) async -> KeyedSVID? {
        let svid = values.withLock { $0.svids[entry.id] }
        await issue()
        return svid
    }
    func pod(inNamespace number: Int32) async -> KnownPod? { values.withLock { $0.pods[number] } }
    func pod(_ reference: PodReference) async -> KnownPod? {
        values.withLock { $0.hosted.first { reference.names($0.pod.facts, uid: $0.uid) }?.pod }
    }
    func container(_ id: ContainerID) async -> ContainerKnowledge {
        let during = enquiry.withLock { enquiry in
            enquiry.asked.insert(id)
            return enquiry.during
        }
        during?()
        return values.withLock { $0.containers[id] ?? .unknown }
    }
    var askedContainers: Set<ContainerID> { enquiry.withLock { $0.asked } }

    /// Happens each time that the container runtime is asked.
    func duringContainerEnquiry(_ body: @escaping @Sendable () -> Void) { enquiry.withLock { $0.during = body } }

    var bundle: TrustBundle { values.withLock { $0.bundle } }
    var jwtBundle: JWTBundle {
        let keys = [jwtKey] + values.withLock { $0.laterJWTKeys }
        return JWTBundle(
            trustDomain: domain.name, authorities: keys.map(\.authority), sequence: UInt64(keys.count))!
    }

    func jwtSVID(of holder: IdentityHolder, audience: JWTAudience) async -> JOSE.JWTSVID? {
        let id: SPIFFEID
        switch holder {
        case .pod(_, let svid, _):
            await issue()
            id = svid.svid.id
        case .entry(let entry):
            guard let svid = await svid(of: entry) else { return nil }
            id = svid.svid.id
        }
        return try? jwtKey.sign(JWTSVIDPlan(id: id, audience: audience), now: TestDomain.now)
    }

    var foreignBundles: [BundleDocument] { values.withLock { $0.foreignBundles } }
    var now: @Sendable () -> Int64 {
        { [self] in
            followsClock.withLock { $0 }
                ? Int64(Date().timeIntervalSince1970) : TestDomain.now + ahead.withLock { $0 }
        }
    }

    /// From now on time passes.
    func followClock() { followsClock.withLock { $0 = true } }

    /// Puts the clock so many seconds ahead, and tells nobody.
    func setClock(ahead seconds: Int64) { ahead.withLock { $0 = seconds } }

    func watch() -> IdentityWatch {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        continuation.yield()
        watchers.withLock { $0.append(continuation) }
        // It tells of all there is, and remembers what it would have to tell of.
        return IdentityWatch(
            changes: stream, ring: { continuation.yield() },
            follow: { entries in self.followed.withLock { $0 = entries } })
    }

    func change(_ body: (inout Values) throws -> Void) rethrows {
        try values.withLock { try body(&$0) }
        for watcher in watchers.withLock({ $0 }) { watcher.yield() }
    }

    /// An entry and its SVID.
    func add(
        _ account: String, _ selectors: [Selector], hint: String = "", federatesWith: Set<TrustDomain> = []
    ) throws {
        let svid = try self.svid(account)
        change {
            $0.svids[account] = svid
            $0.entries?.append(
                WorkloadEntry(
                    id: account, spiffeID: svid.svid.id, selectors: selectors, hint: hint, edition: 1,
                    federatesWith: federatesWith))
        }
    }

    func svid(_ account: String) throws -> KeyedSVID {
        try domain.workload(account, number: 300, on: domain.nodeID("a"))
    }

    func remove(_ account: String) { change { $0.entries?.removeAll { $0.id == account } } }
}

/// Whether something is so, for several.
final class Flag: Sendable {
    private let state = Mutex(false)
    func withLock<Result: Sendable>(_ body: (inout Bool) -> Result) -> Result { state.withLock { body(&$0) } }
}

typealias Client = SpiffeWorkloadAPI.Client<HTTP2ClientTransport.Posix>

/// A Workload API on a socket of its own.
final class TestServer: Sendable {
    let identities: TestIdentities
    let server: WorkloadAPIServer
    let path: String
    private let directory: TemporaryDirectory

    init(
        limits: WorkloadAPILimits = WorkloadAPILimits(), sdsRequiresHeader: Bool = false,
        sdsHasRevocationLists: Bool = true
    ) async throws {
        identities = try TestIdentities()
        directory = try TemporaryDirectory()
        path = directory.path + "/api.sock"
        let told = Told()
        server = try WorkloadAPIServer(
            socket: .own(path: path), identities: identities, limits: limits, sdsRequiresHeader: sdsRequiresHeader,
            sdsHasRevocationLists: sdsHasRevocationLists,
            refused: { told.add($0) }, withheld: { told.add("withheld: \($0)") },
            rejected: { told.add("\($0) rejects: \($1)") })
        self.told = told
        let server = server
        Task { try await server.run() }
        _ = await server.isListening
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.path)
    }

    let told: Told

    /// To cancel its task as well would drop connections that are being accepted, which NIO does not forgive.
    deinit { server.stop() }

    func withConnection<Result: Sendable>(
        _ body: @Sendable (GRPCClient<HTTP2ClientTransport.Posix>) async throws -> Result
    ) async throws -> Result {
        let transport = try HTTP2ClientTransport.Posix(
            target: .unixDomainSocket(path: path), transportSecurity: .plaintext)
        return try await withGRPCClient(transport: transport, handleClient: body)
    }

    func withClient<Result: Sendable>(
        _ body: @Sendable (Client) async throws -> Result
    ) async throws -> Result {
        try await withConnection { try await body(Client(wrapping: $0)) }
    }
}

/// Whose connections were refused.
final class Told: Sendable {
    private let sources = Mutex<[String]>([])
    func add(_ source: String) { sources.withLock { $0.append(source) } }
    var all: [String] { sources.withLock { $0 } }
}

let secured: Metadata = ["workload.spiffe.io": "true"]

/// The first message of each stream.
extension Client {
    func svids(_ metadata: Metadata = secured) async throws -> X509SVIDResponse? {
        try await fetchX509SVID(.init(), metadata: metadata) { try await $0.messages.first { _ in true } }
    }

    func bundles(_ metadata: Metadata = secured) async throws -> X509BundlesResponse? {
        try await fetchX509Bundles(.init(), metadata: metadata) { try await $0.messages.first { _ in true } }
    }

    func jwtBundles(_ metadata: Metadata = secured) async throws -> JWTBundlesResponse? {
        try await fetchJWTBundles(.init(), metadata: metadata) { try await $0.messages.first { _ in true } }
    }

    func witSVIDs(_ metadata: Metadata = secured) async throws -> WITSVIDResponse? {
        try await fetchWITSVID(.init(), metadata: metadata) { try await $0.messages.first { _ in true } }
    }

    func witBundles(_ metadata: Metadata = secured) async throws -> WITBundlesResponse? {
        try await fetchWITBundles(.init(), metadata: metadata) { try await $0.messages.first { _ in true } }
    }
}

/// The status that a call ends with; nil for one that does not fail.
func status(of call: () async throws -> Void) async -> RPCError.Code? {
    do {
        try await call()
        return nil
    } catch {
        return (error as? RPCError)?.code
    }
}

func eventually(_ holds: () async throws -> Bool) async rethrows -> Bool {
    for _ in 0..<1500 {
        if try await holds() { return true }
        try? await Task.sleep(for: .milliseconds(20))
    }
    return false
}
