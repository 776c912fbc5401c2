import AuthorityAPI
import GRPCCore
import GRPCProtobuf
import Identity
import SecureTransport
import Testing

@testable import Authority
@testable import NodeIdentity

/// A node and an authority of neighbouring versions.
@Suite(.timeLimit(.minutes(1))) struct VersionTests {
    @Test func anAuthorityThatKnowsNoEntriesOfProcessesHasNone() async throws {
        let authority = try await TestAuthority()
        let older = try OlderAuthority(of: authority.service)
        let serving = Task { try await older.server.run(observe: { _ in }) }
        let node = try TestNode(clock: authority.clock)
        let invitation = try await authority.invitation(node: "node-a")
        let port = try #require(await older.server.port)
        try await node.join(
            JoinInvitation(
                invitation.credential, authorityAddress: "127.0.0.1:\(port)",
                rootFingerprints: invitation.rootFingerprints, nodeName: "node-a"))
        try await eventually("the node knows that there are none") { await node.service.workloadEntries == [] }
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
}

extension TestAuthority {
    fileprivate func invite(another name: String) async throws {
        _ = try await TestNode.joined(name, to: self, address: "192.0.2.2")
    }
}

/// Another server of an authority, with the calls that there were before entries for processes.
private struct OlderAuthority {
    let server: AuthorityServer

    init(of service: AuthorityService) throws {
        let core = AuthorityCore(
            settings: service.settings, authorities: service.authorities, trust: service.trust,
            registry: service.registry,
            certificates: service.certificates, publisher: service.publisher, entrySignals: service.entrySignals,
            jwtKeys: service.jwtKeys, now: service.now, observe: service.observe)
        server = try AuthorityServer(
            OlderCalls(calls: AuthorityCalls(core)), of: core, identity: service.identity,
            admission: AdmissionControl(service.settings.limits.admission))
    }
}

private struct OlderCalls: RegistrableRPCService {
    let calls: AuthorityCalls

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
    }
}
