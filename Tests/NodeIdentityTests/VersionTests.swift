import AuthorityAPI
import GRPCCore
import GRPCProtobuf
import Identity
import SecureTransport
import Synchronization
import Testing

@testable import Authority
@testable import NodeIdentity

/// A node and an authority of neighbouring versions.
@Suite(.timeLimit(.minutes(1))) struct VersionTests {
    @Test func anAuthorityThatKnowsNoEntriesOfProcessesHasNone() async throws {
        let authority = try await TestAuthority()
        let older = try OlderAuthority(of: authority.service)
        let serving = Task { try await older.server.run() }
        let node = try TestNode(clock: authority.clock)
        try await older.admit(node, as: "node-a", by: authority)
        try await eventually("the node knows that there are none") {
            await node.service.entries?.isEmpty == true
        }
        try await eventually("a directory") { await node.service.currentDirectory != nil }
        // The session outlives the refusal: what changes is heard on the same connection.
        try await authority.invite(another: "node-b")
        try await eventually("the next directory") { await node.service.currentDirectory?.nodes.count == 2 }
        #expect(node.journal.all.count { if case .connected = $0 { true } else { false } } == 1)
        #expect(!node.journal.contains { if case .disconnected = $0 { true } else { false } })
        // Streams end with the publisher that both serve from.
        try await authority.stop()
        older.server.stop()
        try await serving.value
    }

    /// It sends all entries each time, and does not say how old they are.
    @Test func anAuthorityThatSendsNoChangesIsUnderstood() async throws {
        let authority = try await TestAuthority()
        let lists = [["b", "a"], ["b", "a", "c"], ["a", "c"]]
        let seen = Counter()
        let older = try OlderAuthority(of: authority.service) { writer in
            for (index, list) in lists.enumerated() {
                try await writer.write(try .older(list))
                while seen.value <= index { try await Task.sleep(for: .milliseconds(20)) }
            }
            try await Task.sleep(for: .seconds(60))
        }
        let serving = Task { try await older.server.run() }
        let node = try TestNode(clock: authority.clock)
        try await older.admit(node, as: "node-a", by: authority)
        for list in lists {
            try await eventually("\(list)") { await node.service.entries?.inOrder.map(\.id) == list }
            seen.next()
        }
        serving.cancel()
        older.server.stop()
    }

    /// What came before the change that is missing is forgotten only when all has been told again.
    @Test func aMissedChangeBringsAllEntriesAgain() async throws {
        let authority = try await TestAuthority()
        let streams = Counter()
        let older = try OlderAuthority(of: authority.service) { writer in
            let isFirst = streams.next() == 1
            try await writer.write(try .list(isFirst ? ["a"] : ["a", "b", "c"], number: 1))
            try await writer.write(try .list(["d"], number: isFirst ? 3 : 2, since: isFirst ? 2 : 1))
            try await Task.sleep(for: .seconds(60))
        }
        let serving = Task { try await older.server.run() }
        let node = try TestNode(clock: authority.clock)
        try await older.admit(node, as: "node-a", by: authority)
        try await eventually("all") { await node.service.entries?.inOrder.map(\.id) == ["a", "b", "c", "d"] }
        #expect(
            node.journal.contains {
                if case .disconnected(let reason) = $0 {
                    reason.contains("a change of entries is missing")
                } else {
                    false
                }
            })
        serving.cancel()
        older.server.stop()
    }

    /// A node of before gets all entries each time, and nothing that is not its own.
    @Test func aNodeThatTakesNoChangesIsSentAllEntries() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: authority)
        let connection = try await AuthorityConnection.open(
            AuthorityAddress(authority.address), identity: node.service.transportIdentity,
            expecting: .authority(exactly: nil))
        let running = Task { try? await connection.run() }
        let first = try await authority.entry("/first", selectors: [.userID(1)])
        let lists = try await connection.calls.watchEntries(.init()) { response in
            var lists: [Podshield_Authority_V1_EntryList] = []
            for try await list in response.messages {
                lists.append(list)
                switch lists.count {
                case 1:
                    try await authority.entry("/foreign", parent: "node-b", selectors: [.userID(1)])
                    try await authority.entry("/second", parent: "node-a", selectors: [.userID(2)])
                case 2: _ = try await authority.service.deleteEntry(first.id)
                default: return lists
                }
            }
            return lists
        }
        running.cancel()
        #expect(
            lists.map { Set($0.entries.map(\.spiffeID).map { $0.split(separator: "/").last }) } == [
                ["first"], ["first", "second"], ["second"],
            ])
        #expect(lists.allSatisfy { $0.since == 0 && $0.removed.isEmpty })
    }
}

/// Counts from 1 on.
private final class Counter: Sendable {
    private let last = Mutex(0)

    var value: Int { last.withLock { $0 } }

    @discardableResult
    func next() -> Int {
        last.withLock {
            $0 += 1
            return $0
        }
    }
}

extension Podshield_Authority_V1_EntryList {
    fileprivate static func list(_ ids: [String], number: UInt64, since: UInt64? = nil) throws -> Self {
        let entries = try ids.map {
            ListedEntry(
                WorkloadEntry(
                    id: $0, spiffeID: try SPIFFEID(trustDomain: trustDomain, path: "/\($0)"), selectors: [.userID(1)],
                    hint: "", edition: 1), createdAt: 1)
        }
        return Self(EntryNews(entries: entries, number: number, since: since))
    }

    fileprivate static func older(_ ids: [String]) throws -> Self {
        var list = try list(ids, number: 0)
        for index in list.entries.indices { list.entries[index].createdAt = 0 }
        return list
    }
}

extension TestAuthority {
    fileprivate func invite(another name: String) async throws {
        _ = try await TestNode.joined(name, to: self, address: "192.0.2.2")
    }
}

/// Another server of an authority, with the calls that there were before entries for processes, or with entries as a test has them.
private struct OlderAuthority {
    let server: AuthorityServer

    /// - Parameter entries: what a stream of entries says; nil for an authority that has none.
    init(
        of service: AuthorityService,
        entries: (@Sendable (RPCWriter<Podshield_Authority_V1_EntryList>) async throws -> Void)? = nil
    ) throws {
        let core = AuthorityCore(
            settings: service.settings, authorities: service.authorities, trust: service.trust,
            registry: service.registry,
            certificates: service.certificates, publisher: service.publisher, entrySignals: service.entrySignals,
            jwtKeys: service.jwtKeys, now: service.now, observe: service.observe)
        server = try AuthorityServer(
            [OlderCalls(calls: AuthorityCalls(core), entries: entries)],
            at: .forNodes(core, service.identity, AdmissionControl(service.settings.limits.admission)),
            observe: { _ in })
    }

    func admit(_ node: TestNode, as name: String, by authority: TestAuthority) async throws {
        let invitation = try await authority.invitation(node: name)
        let port = try #require(await server.port)
        try await node.join(
            JoinInvitation(
                invitation.credential, authorityAddress: "127.0.0.1:\(port)",
                rootFingerprints: invitation.rootFingerprints, nodeName: name))
    }
}

private struct OlderCalls: RegistrableRPCService {
    let calls: AuthorityCalls
    let entries: (@Sendable (RPCWriter<Podshield_Authority_V1_EntryList>) async throws -> Void)?

    private typealias Method = Podshield_Authority_V1_Authority.Method

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.registerHandler(
            forMethod: Method.Join.descriptor, deserializer: ProtobufDeserializer(), serializer: ProtobufSerializer(),
            handler: calls.join(request:context:))
        router.registerHandler(
            forMethod: Method.ReportNode.descriptor, deserializer: ProtobufDeserializer(),
            serializer: ProtobufSerializer(), handler: calls.reportNode(request:context:))
        router.registerHandler(
            forMethod: Method.WatchDirectory.descriptor, deserializer: ProtobufDeserializer(),
            serializer: ProtobufSerializer(), handler: calls.watchDirectory(request:context:))
        guard let entries else { return }
        router.registerHandler(
            forMethod: Method.WatchEntries.descriptor,
            deserializer: ProtobufDeserializer<Podshield_Authority_V1_WatchEntriesRequest>(),
            serializer: ProtobufSerializer<Podshield_Authority_V1_EntryList>()
        ) { _, _ in
            StreamingServerResponse { writer in
                try await entries(writer)
                return [:]
            }
        }
    }
}
