import Identity
import Issuance
import OpenSSLBinding
import SecureTransport
import Testing

struct HandshakeTests {
    private let domain: TestDomain
    private let a: KeyedSVID
    private let b: KeyedSVID

    init() throws {
        domain = try TestDomain()
        a = try domain.node("a")
        b = try domain.node("b")
    }

    private func nodes(
        client: PeerExpectation = .node(exactly: nil), server: PeerExpectation = .node(exactly: nil)
    ) throws -> Link {
        Link(
            client: try End(.client, domain.identity(a), client), server: try End(.server, domain.identity(b), server))
    }

    @Test(arguments: [1, 7, 4096, Int.max])
    func nodesMeetAndTalk(chunk: Int) throws {
        let link = try nodes(client: .node(exactly: b.svid.id), server: .node(exactly: a.svid.id))
        try link.run(chunk: chunk)
        let client = try #require(link.client.outcome)
        let server = try #require(link.server.outcome)
        #expect(client.peer == b.svid)
        #expect(server.peer == a.svid)
        #expect(client.localLeafSHA256 == a.svid.leaf.sha256 && client.localLeafSHA256 == server.peerLeafSHA256)
        #expect(server.localLeafSHA256 == b.svid.leaf.sha256 && server.localLeafSHA256 == client.peerLeafSHA256)
        #expect(client.cipherSuite == "TLS_AES_256_GCM_SHA384" && client.cipherSuite == server.cipherSuite)
        #expect(client.group.lowercased().contains("x25519") && client.group == server.group)
        #expect(link.client.handler.outcome?.peer == b.svid)

        let message = (0..<40000).map { UInt8(truncatingIfNeeded: $0) }
        link.client.send(message)
        link.server.send([1, 2, 3])
        try link.run(chunk: chunk)
        #expect(link.server.recorder.received == message)
        #expect(link.client.recorder.received == [1, 2, 3])
        #expect(link.client.recorder.outcomes.count == 1 && link.server.recorder.outcomes.count == 1)
        #expect(link.client.recorder.errors.isEmpty && link.server.recorder.errors.isEmpty)
    }

    @Test(arguments: KeyAlgorithm.allCases)
    func everyKindOfKey(_ algorithm: KeyAlgorithm) throws {
        let svid = try domain.node("a", key: algorithm)
        let link = Link(
            client: try End(.client, domain.identity(svid), .node(exactly: nil)),
            server: try End(.server, domain.identity(svid), .node(exactly: nil)))
        try link.run()
        #expect(link.client.outcome?.peer == svid.svid && link.server.outcome?.peer == svid.svid)
    }

    @Test func exporterAgreesAndSeparates() throws {
        let link = try nodes()
        try link.run()
        let (client, server) = (try #require(link.client.outcome), try #require(link.server.outcome))
        func key(_ outcome: HandshakeOutcome, _ label: String, _ context: [UInt8]) throws -> SecretBytes {
            try outcome.export(label: label, context: context, length: 32)
        }
        let mine = try key(client, "EXPORTER-a", [1])
        #expect(try SecretBytes.constantTimeEqual(mine, key(server, "EXPORTER-a", [1])))
        #expect(try !SecretBytes.constantTimeEqual(mine, key(server, "EXPORTER-a", [2])))
        #expect(try !SecretBytes.constantTimeEqual(mine, key(server, "EXPORTER-b", [1])))

        let other = try nodes()
        try other.run()
        #expect(try !SecretBytes.constantTimeEqual(mine, key(#require(other.client.outcome), "EXPORTER-a", [1])))
    }

    /// The keys go with the connection.
    @Test func nothingIsExportedAfterTheEnd() throws {
        let link = try nodes()
        try link.run()
        let outcome = try #require(link.client.outcome)
        link.client.endOfStream()
        #expect(throws: OpenSSLError.self) { try outcome.export(label: "EXPORTER-a", context: [], length: 32) }
    }

    @Test func identityAndBundleAreReadPerConnection() throws {
        let other = try TestDomain()
        let link = Link(
            client: try End(.client, domain.identity(a), .node(exactly: nil)),
            server: try End(.server, other.identity(b), .node(exactly: nil)))
        try link.run()
        #expect(link.server.error == .peerRejected(.unknownAuthority))
    }
}

/// Who is refused, by whom, why, and which alert the other end gets to see.
struct RefusalTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let client: Party
        let server: Party
        let refusedBy: SecureTransportHandler.Role
        let alert: UInt8
        let reason: @Sendable (TestDomain) throws -> SecureTransportError

        init(
            _ name: String, client: Party, server: Party, refusedBy: SecureTransportHandler.Role, alert: UInt8,
            _ reason: @escaping @Sendable (TestDomain) throws -> SecureTransportError
        ) {
            testDescription = name
            self.client = client
            self.server = server
            self.refusedBy = refusedBy
            self.alert = alert
            self.reason = reason
        }
    }

    /// What one end presents, whom it expects, and how far ahead its clock is.
    struct Party: Sendable {
        enum Presents: Sendable { case node, server, workload, nothing, foreignNode, sameNameOtherRoot }
        var presents = Presents.node
        var expects: @Sendable (TestDomain) throws -> PeerExpectation = { _ in .node(exactly: nil) }
        var clock: Int64 = 0

        func end(_ role: SecureTransportHandler.Role, _ domain: TestDomain) throws -> End {
            let identity =
                switch presents {
                case .node: domain.identity(try domain.node("n"), clockOffset: clock)
                case .server: domain.identity(try domain.server(), clockOffset: clock)
                case .workload: domain.identity(try domain.workload(), clockOffset: clock)
                case .nothing: domain.identity(nil, clockOffset: clock)
                case .foreignNode: domain.identity(try TestDomain("other").node("n"), clockOffset: clock)
                case .sameNameOtherRoot: domain.identity(try TestDomain("td").node("n"), clockOffset: clock)
                }
            return try End(role, identity, expects(domain))
        }
    }

    private static let any = PeerExpectation.node(exactly: nil)
    private static let anyAuthority = PeerExpectation.authority(exactly: nil)
    private static let pinned: @Sendable (TestDomain) -> PeerExpectation = {
        .pinnedRoot(anyOf: [$0.authority.certificate.sha256])
    }

    @Test(arguments: [
        Case(
            "client of another domain", client: Party(presents: .foreignNode), server: Party(), refusedBy: .server,
            alert: 48
        ) { _ in .peerRejected(.unknownAuthority) },
        Case(
            "server of another domain", client: Party(), server: Party(presents: .foreignNode), refusedBy: .client,
            alert: 48
        ) { _ in .peerRejected(.unknownAuthority) },
        Case(
            "domain of the same name with another root", client: Party(presents: .sameNameOtherRoot), server: Party(),
            refusedBy: .server, alert: 48
        ) { _ in .peerRejected(.unknownAuthority) },
        Case(
            "workload as a node client", client: Party(presents: .workload), server: Party(), refusedBy: .server,
            alert: 42
        ) { .unexpectedPeer(try $0.id("/ns/shop/sa/web"), expected: any) },
        Case(
            "workload as a node server", client: Party(), server: Party(presents: .workload), refusedBy: .client,
            alert: 42
        ) { .unexpectedPeer(try $0.id("/ns/shop/sa/web"), expected: any) },
        Case(
            "authority's server as a node", client: Party(), server: Party(presents: .server), refusedBy: .client,
            alert: 42
        ) { .unexpectedPeer(try $0.id("/podshield/authority/main"), expected: any) },
        Case(
            "node as an authority's server", client: Party(expects: { _ in anyAuthority }), server: Party(),
            refusedBy: .client, alert: 42
        ) { .unexpectedPeer(try $0.id("/podshield/node/n"), expected: anyAuthority) },
        Case(
            "another node than the one expected",
            client: Party(expects: { .node(exactly: try $0.id("/podshield/node/other")) }), server: Party(),
            refusedBy: .client, alert: 42
        ) {
            .unexpectedPeer(
                try $0.id("/podshield/node/n"), expected: .node(exactly: try $0.id("/podshield/node/other")))
        },
        Case("expired client", client: Party(), server: Party(clock: 601), refusedBy: .server, alert: 45) { _ in
            .peerRejected(.expired(depth: 0))
        },
        Case("expired server", client: Party(clock: 601), server: Party(), refusedBy: .client, alert: 45) { _ in
            .peerRejected(.expired(depth: 0))
        },
        Case("server from the future", client: Party(clock: -60), server: Party(), refusedBy: .client, alert: 45) {
            _ in .peerRejected(.notYetValid(depth: 1))
        },
        Case(
            "workload at the authority's listener", client: Party(presents: .workload, expects: { _ in anyAuthority }),
            server: Party(presents: .server, expects: { _ in .nodeOrAnonymous }), refusedBy: .server, alert: 42
        ) { .unexpectedPeer(try $0.id("/ns/shop/sa/web"), expected: .nodeOrAnonymous) },
        Case(
            "another root than the pinned one",
            client: Party(presents: .nothing, expects: { _ in .pinnedRoot(anyOf: [[UInt8](repeating: 7, count: 32)]) }),
            server: Party(presents: .server, expects: { _ in .nodeOrAnonymous }), refusedBy: .client, alert: 48
        ) { _ in .pinnedRootNotPresented },
        Case(
            "a node behind the pinned root", client: Party(presents: .nothing, expects: pinned),
            server: Party(presents: .node, expects: { _ in .nodeOrAnonymous }), refusedBy: .client, alert: 42
        ) { .unexpectedPeer(try $0.id("/podshield/node/n"), expected: pinned($0)) },
        Case(
            "a server that does not present the pinned root", client: Party(presents: .nothing, expects: pinned),
            server: Party(presents: .server), refusedBy: .client, alert: 48
        ) { _ in .pinnedRootNotPresented },
    ])
    func isRefused(_ refusal: Case) throws {
        let domain = try TestDomain()
        let link = Link(
            client: try refusal.client.end(.client, domain), server: try refusal.server.end(.server, domain))
        try link.run()
        let (judge, judged) = refusal.refusedBy == .client ? (link.client, link.server) : (link.server, link.client)
        #expect(try judge.recorder.errors == [refusal.reason(domain)])
        #expect(judge.outcome == nil)
        #expect(judge.recorder.isInactive)
        #expect(judged.recorder.errors == [.peerAlert(refusal.alert)])
        #expect(judged.recorder.isInactive)
        // A TLS 1.3 client is done before it is judged; a server never is.
        if refusal.refusedBy == .client { #expect(judged.outcome == nil) }
    }

    @Test func nodesListenerRefusesAnonymousClients() throws {
        let domain = try TestDomain()
        let pin = PeerExpectation.pinnedRoot(anyOf: [domain.authority.certificate.sha256])
        let link = Link(
            client: try End(.client, domain.identity(nil), pin),
            server: try End(.server, domain.identity(domain.server()), .node(exactly: nil)))
        try link.run()
        #expect(link.server.outcome == nil)
        #expect(link.client.error == .pinnedRootNotPresented)
    }

    @Test func endsWithoutAnSVIDDoNotStart() throws {
        let domain = try TestDomain()
        let client = try End(.client, domain.identity(nil), .node(exactly: nil))
        #expect(client.recorder.errors == [.noIdentity])
        let server = try End(.server, domain.identity(nil), .nodeOrAnonymous)
        #expect(server.recorder.errors == [.noIdentity])
        #expect(try client.takeOutput().isEmpty)
    }
}

/// The authority's listener: nodes, and those who are not one yet.
struct AuthorityListenerTests {
    private let domain: TestDomain
    private let server: KeyedSVID

    init() throws {
        domain = try TestDomain()
        server = try domain.server()
    }

    @Test func joiningNodeComesWithoutACertificate() throws {
        let bundleOfNothing = TrustBundle.empty(domain.name)
        let joining = TransportIdentity(current: { nil }, bundle: { bundleOfNothing }, now: { TestDomain.now })
        let pin = PeerExpectation.pinnedRoot(anyOf: [domain.authority.certificate.sha256])
        let link = Link(
            client: try End(.client, joining, pin, alpn: ["h2"]),
            server: try End(.server, domain.identity(server), .nodeOrAnonymous, alpn: ["h2"]))
        try link.run()
        #expect(link.client.outcome?.peer?.id == server.svid.id)
        #expect(link.client.outcome?.peer?.anchor == domain.authority.certificate)
        #expect(link.client.outcome?.localLeafSHA256 == [])
        let outcome = try #require(link.server.outcome)
        #expect(outcome.peer == nil && outcome.peerLeafSHA256 == [])
    }

    /// A root of the right fingerprint does not help a server of another trust domain.
    @Test func pinDoesNotReplaceTheTrustDomain() throws {
        let bundleOfNothing = TrustBundle.empty(try TrustDomain("mine"))
        let joining = TransportIdentity(current: { nil }, bundle: { bundleOfNothing }, now: { TestDomain.now })
        let link = Link(
            client: try End(.client, joining, .pinnedRoot(anyOf: [domain.authority.certificate.sha256])),
            server: try End(.server, domain.identity(server), .nodeOrAnonymous))
        try link.run()
        #expect(link.client.error == .peerRejected(.foreignTrustDomain(domain.name)))
    }

    @Test func nodeIsKnown() throws {
        let node = try domain.node("n")
        let link = Link(
            client: try End(.client, domain.identity(node), .authority(exactly: server.svid.id), alpn: ["h2"]),
            server: try End(.server, domain.identity(server), .nodeOrAnonymous, alpn: ["h2"]))
        try link.run()
        #expect(link.server.outcome?.peer == node.svid)
        #expect(link.client.outcome?.alpn == "h2" && link.server.outcome?.alpn == "h2")
    }

    @Test(arguments: [(["h2"], ["x"]), (["h2"], []), ([], ["h2"])])
    func applicationProtocolMustBeShared(_ client: [String], _ server: [String]) throws {
        let node = try domain.node("n")
        let link = Link(
            client: try End(.client, domain.identity(node), .authority(exactly: nil), alpn: client),
            server: try End(.server, domain.identity(self.server), .nodeOrAnonymous, alpn: server))
        try link.run()
        #expect(link.client.outcome == nil || link.server.outcome == nil)
        #expect(!link.client.recorder.errors.isEmpty || !link.server.recorder.errors.isEmpty)
    }
}
