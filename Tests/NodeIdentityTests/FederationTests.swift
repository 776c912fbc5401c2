import AuthorityAPI
import BundleEndpoint
import Federation
import Foundation
import Identity
import Issuance
import JOSE
import KernelTestSupport
import NIOPosix
import OpenSSLBinding
import SecureTransport
import Testing

@testable import Authority
@testable import NodeIdentity

/// Two authorities, one of which serves its bundle, and a node of the other.
@Suite(.timeLimit(.minutes(2))) struct FederationTests {
    private let authority: TestAuthority
    private let partner: TestAuthority
    private let partnerDomain: TrustDomain
    private let endpoint: BundleEndpoint.Running

    init() async throws {
        let domain = try TrustDomain("partner.example")
        partnerDomain = domain
        authority = try await TestAuthority()
        let partner = try await TestAuthority { $0.trustDomain = domain }
        self.partner = partner
        endpoint = try await Self.serve(.svid { partner.service.serverSVID }, partner)
    }

    private static func serve(
        _ certificate: EndpointCertificate, _ partner: TestAuthority
    ) async throws -> BundleEndpoint.Running {
        try await BundleEndpoint(
            address: partner.service.settings.listenAddress, port: 0, certificate: certificate,
            documents: {
                guard let trust = try? await partner.service.publishedTrust() else { return nil }
                return EndpointDocuments(
                    bundle: BundleDocument(bundle: trust.bundle, jwtBundle: trust.jwtBundle), discovery: nil)
            }, now: { Int64(Date().timeIntervalSince1970) }, failed: { _ in }, flooded: { _ in }
        ).start()
    }

    private func relationship(
        port: UInt16? = nil, id: String = "/podshield/authority/main"
    ) throws -> Relationship {
        try Relationship(
            with: partnerDomain, of: trustDomain, at: EndpointURL("https://127.0.0.1:\(port ?? endpoint.port)/"),
            profile: .spiffe(SPIFFEID("spiffe://\(partnerDomain.name)\(id)")))
    }

    private func firstBundle() async throws -> ForeignBundle {
        let trust = try await partner.service.publishedTrust()
        return try ForeignBundle(BundleDocument(bundle: trust.bundle, jwtBundle: trust.jwtBundle))
    }

    /// The relationships of an authority that is started again, in the same directory, with these in its settings.
    private func restarted(
        with relationships: [ConfiguredRelationship], in directory: TemporaryDirectory
    ) async throws -> (TestAuthority, [Relationship]) {
        let authority = try await TestAuthority(in: directory) { $0.relationships = relationships }
        return (authority, try await authority.service.relationships().map(\.relationship))
    }

    /// They are there from the start, no command changes them, and they end with the settings that have them.
    @Test func whatIsConfiguredIsThere() async throws {
        let (directory, bundle) = (try TemporaryDirectory(), try await firstBundle())
        let (wanted, other) = (try relationship(), try relationship(id: "/podshield/authority/other"))
        let made = try Relationship(
            with: TrustDomain("made.example"), of: trustDomain, at: EndpointURL("https://127.0.0.1:1/"), profile: .web)

        let (first, begun) = try await restarted(with: [.init(wanted, bundle: bundle)], in: directory)
        #expect(begun == [wanted])
        #expect(first.journal.contains { if case .federationBegun(wanted) = $0 { true } else { false } })
        try await eventually("its bundle is fetched") {
            try await first.service.relationships().first?.refreshedAt != nil
        }
        await #expect(throws: RelationshipError.configured(partnerDomain)) {
            try await first.service.federate(other, bundle: nil, replacing: true)
        }
        await #expect(throws: RelationshipError.configured(partnerDomain)) {
            try await first.service.endFederation(with: partnerDomain)
        }
        _ = try await first.service.federate(made, bundle: nil, replacing: false)
        try await first.stop()

        let (second, changed) = try await restarted(with: [.init(other, bundle: nil)], in: directory)
        #expect(changed == [made, other])
        try await second.stop()

        let (third, left) = try await restarted(with: [], in: directory)
        #expect(left == [made])
        #expect(third.journal.contains { if case .federationEnded(partnerDomain) = $0 { true } else { false } })
        #expect(try await third.service.foreignBundles().map(\.bundle.trustDomain) == [partnerDomain])
        try await third.stop()
    }

    /// What a command made is the configuration's once that has it, and a bundle that is held is not replaced by that of a file.
    @Test func theConfigurationTakesOver() async throws {
        let directory = try TemporaryDirectory()
        let wanted = try relationship(port: 1)
        let (first, _) = try await restarted(with: [], in: directory)
        _ = try await first.service.federate(wanted, bundle: try await firstBundle(), replacing: false)
        let held = try await first.service.foreignBundles().map(\.bundle.encoded)
        try await first.stop()
        _ = try await partner.service.prepareAuthority()
        let newer = try await firstBundle()
        let (second, relationships) = try await restarted(with: [.init(wanted, bundle: newer)], in: directory)
        #expect(relationships == [wanted])
        #expect(try await second.service.foreignBundles().map(\.bundle.encoded) == held)
        await #expect(throws: RelationshipError.configured(partnerDomain)) {
            try await second.service.endFederation(with: partnerDomain)
        }
        try await second.stop()
    }

    private func failure() async throws -> FederationError? {
        try await authority.service.relationships().first?.failure
    }

    /// F-4: name, address and profile make a relationship; F-9: the server is the SVID that was named, by a first bundle. F-2: what
    /// comes stands beside the own bundle, and nobody is trusted by it but by workloads that may have it.
    @Test func f2AForeignBundleReachesNodesAndIsNotMerged() async throws {
        let node = try await TestNode.joined("a", to: authority)
        let own = node.service.bundle
        _ = try await authority.service.federate(relationship(), bundle: firstBundle(), replacing: false)
        try await eventually("the node has it") { node.service.foreignBundles.count == 1 }
        let held = try #require(node.service.foreignBundles.first)
        #expect(held.bundle.trustDomain == partnerDomain)
        #expect(held.bundle.authorities == partner.service.bundle.authorities)
        #expect(node.service.bundle.authorities == own.authorities && node.service.bundle.trustDomain == trustDomain)
        // An SVID of the other trust domain opens nothing here.
        let foreign = partner.service.serverSVID.svid
        #expect(throws: SVIDRejection.self) {
            try SVIDVerifier(bundle: node.service.bundle).verify(chain: foreign.chain, at: authority.clock.now)
        }
        try await eventually("it is fetched") { try await failure() == nil }
        // And after a restart of the node, without the authority.
        await node.stop()
        let again = try TestNode(in: node.directory, clock: authority.clock)
        #expect(again.service.foreignBundles == [held])
    }

    /// F-10: the endpoint shows itself by the latest bundle, which is the one that came last, and of the one before nothing is kept.
    @Test func f10AChangeArrivesAndIsGoneBy() async throws {
        _ = try await authority.service.federate(relationship(), bundle: firstBundle(), replacing: false)
        _ = try await partner.service.prepareAuthority()
        let record = try await authority.service.refreshBundle(of: partnerDomain)
        #expect(record.failure == nil && record.refreshedAt != nil)
        let held = try #require(try await authority.service.foreignBundles().first)
        #expect(held.bundle.document.bundle.authorities.count == 2)
        #expect(
            authority.journal.contains {
                if case .foreignBundleChanged(partnerDomain, _) = $0 { true } else { false }
            })
        for each in [partner, authority] { each.clock.advance(seconds: 15) }
        _ = try await partner.service.activateAuthority()
        let former = try #require(try await partner.service.certificateAuthorities().first)
        _ = try await partner.service.revokeAuthority(former.fingerprint, force: true)
        _ = try await authority.service.refreshBundle(of: partnerDomain)
        let last = try #require(try await authority.service.foreignBundles().first)
        #expect(last.bundle.document.bundle.authorities == partner.service.bundle.authorities)
        #expect(last.bundle.document.bundle.authorities.count == 1)
    }

    /// F-9: another SVID of the same trust domain is not the endpoint.
    @Test func f9AnotherIDIsRefusedAndWhatIsHeldStays() async throws {
        let first = try await firstBundle()
        _ = try await authority.service.federate(
            relationship(id: "/podshield/authority/other"), bundle: first, replacing: false)
        try await eventually("it is said") { try await failure() != nil }
        #expect(
            "\(try #require(try await failure()))".contains("not spiffe://partner.example/podshield/authority/other"))
        #expect(try await authority.service.foreignBundles().map(\.bundle.encoded) == [first.encoded])
        #expect(
            authority.journal.contains { if case .federationFailed(partnerDomain, _) = $0 { true } else { false } })
        // Put right, it is fetched again, which is said as well.
        _ = try await authority.service.federate(relationship(), bundle: nil, replacing: true)
        try await eventually("it works") { try await failure() == nil }
    }

    /// F-9: without a first bundle nothing shows that the endpoint is who it says; a bundle of the own trust domain does not.
    @Test func f9WithoutAFirstBundleNobodyIsTrusted() async throws {
        _ = try await authority.service.federate(relationship(), bundle: nil, replacing: false)
        try await eventually("it is said") { try await failure() == .noBundle(partnerDomain) }
        #expect(try await authority.service.foreignBundles().isEmpty)
        let stranger = try await TestAuthority { $0.trustDomain = partnerDomain }
        try await authority.service.setBundle(
            ForeignBundle(BundleDocument(bundle: stranger.service.bundle, jwtBundle: .empty(partnerDomain))))
        await #expect(throws: RelationshipError.self) { try await authority.service.refreshBundle(of: partnerDomain) }
    }

    /// The last good one outlives its endpoint.
    @Test func anEndpointThatIsGoneTakesNothingAway() async throws {
        _ = try await authority.service.federate(relationship(), bundle: firstBundle(), replacing: false)
        _ = try await authority.service.refreshBundle(of: partnerDomain)
        endpoint.stop()
        let error = await #expect(throws: RelationshipError.self) {
            try await authority.service.refreshBundle(of: partnerDomain)
        }
        if case .federation(.endpoint) = error {} else { Issue.record("\(String(describing: error))") }
        #expect(try await authority.service.foreignBundles().count == 1)
    }

    /// F-3: the other profile. F-7, F-8: a certificate of the web for the name in the address, and for no other.
    @Test(arguments: [("localhost", true), ("127.0.0.1", false)])
    func f8AWebEndpointIsKnownByItsName(_ host: String, _ isTrusted: Bool) async throws {
        let directory = try TemporaryDirectory()
        let (certificate, key) = (directory.path + "/web.pem", directory.path + "/web.key")
        try Command.run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
        let web = try await Self.serve(.files(certificate: certificate, key: key), partner)
        defer { web.stop() }
        let fetcher = BundleFetcher(webRootsFile: certificate, now: { [authority] in authority.clock.now })
        let relationship = try Relationship(
            with: partnerDomain, of: trustDomain, at: EndpointURL("https://\(host):\(web.port)/"), profile: .web)
        let fetched = try? await Self.fetch(relationship, by: fetcher)
        #expect((fetched?.document.bundle.authorities == partner.service.bundle.authorities) == isTrusted)
        // A path that is not there is no bundle.
        let elsewhere = try Relationship(
            with: partnerDomain, of: trustDomain, at: EndpointURL("https://localhost:\(web.port)/x"), profile: .web)
        await #expect(throws: FederationError.status(404)) { try await Self.fetch(elsewhere, by: fetcher) }
    }

    /// On a thread that may wait.
    private static func fetch(_ relationship: Relationship, by fetcher: BundleFetcher) async throws -> ForeignBundle {
        try await NIOThreadPool.singleton.runIfActive { try fetcher.fetch(relationship) { _ in nil } }
    }

    // MARK: Entries

    @Test func onlyWhatIsKnownCanBeFederatedWith() async throws {
        let entry = NewEntry(
            spiffeID: try SPIFFEID(trustDomain: trustDomain, path: "/web"), selectors: [.namespace("shop")],
            federatesWith: [partnerDomain])
        await #expect(throws: EntryError.notFederated(partnerDomain)) {
            try await authority.service.createEntry(entry)
        }
        try await authority.service.setBundle(firstBundle())
        let created = try await authority.service.createEntry(entry)
        #expect(created.federatesWith == [partnerDomain])
        let node = try await TestNode.joined("a", to: authority)
        let issued = try await node.service.issue(pod())
        #expect(issued.federatesWith == [partnerDomain])
        try await eventually("processes have it, too") {
            await node.service.entries?.inOrder.first?.federatesWith == [partnerDomain]
        }
        // Pods keep it over a restart; a change of the entry reaches them.
        await node.stop()
        let again = try TestNode(in: node.directory, clock: authority.clock)
        #expect(await again.service.heldWorkloads.map(\.federatesWith) == [[partnerDomain]])
        try await eventually("it is connected") { await again.service.entries != nil }
        var other = entry
        other.federatesWith = []
        _ = try await authority.service.updateEntry(created.id, to: other)
        try await eventually("the pod may have it no more") {
            await again.service.heldWorkloads.map(\.federatesWith) == [[]]
        }
    }

    @Test func aBundleGoesWithItsRelationshipOnlyWhenAskedTo() async throws {
        _ = try await authority.service.federate(relationship(), bundle: firstBundle(), replacing: false)
        await #expect(throws: RelationshipError.alreadyExists(partnerDomain)) {
            try await authority.service.federate(relationship(), bundle: nil, replacing: false)
        }
        await #expect(throws: RelationshipError.hasRelationship(partnerDomain)) {
            try await authority.service.deleteBundle(of: partnerDomain)
        }
        let node = try await TestNode.joined("a", to: authority)
        try await eventually("the node has it") { node.service.foreignBundles.count == 1 }
        _ = try await authority.service.endFederation(with: partnerDomain)
        #expect(try await authority.service.foreignBundles().count == 1)
        try await authority.service.deleteBundle(of: partnerDomain)
        try await eventually("the node lets go of it") { node.service.foreignBundles.isEmpty }
        await #expect(throws: RelationshipError.notFound(partnerDomain)) {
            try await authority.service.endFederation(with: partnerDomain)
        }
    }

    /// Nor does one that was slower than another.
    @Test func aSlowFetchReplacesNothingNewer() async throws {
        let relationship = try relationship()
        let first = try await firstBundle()
        _ = try await authority.service.federate(relationship, bundle: first, replacing: false)
        _ = try await partner.service.prepareAuthority()
        _ = try await authority.service.refreshBundle(of: partnerDomain)
        let error = await #expect(throws: RelationshipError.self) {
            try await authority.service.federation.take(first, by: relationship)
        }
        if case .federation(.rolledBack) = error {} else { Issue.record("\(String(describing: error))") }
        #expect(try await authority.service.foreignBundles().first?.bundle.document.bundle.authorities.count == 2)
    }

    /// What a fetch brings home for a relationship that has ended meanwhile is thrown away.
    @Test func aFetchDoesNotOutliveItsRelationship() async throws {
        let relationship = try relationship()
        _ = try await authority.service.federate(relationship, bundle: firstBundle(), replacing: false)
        _ = try await authority.service.endFederation(with: partnerDomain)
        try await authority.service.deleteBundle(of: partnerDomain)
        await #expect(throws: RelationshipError.self) {
            try await authority.service.federation.take(firstBundle(), by: relationship)
        }
        #expect(try await authority.service.foreignBundles().isEmpty)
    }
}
