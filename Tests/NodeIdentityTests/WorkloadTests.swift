import Addressing
import Authority
import AuthorityAPI
import Foundation
import GRPCCore
import Identity
import Issuance
import KernelTestSupport
import OpenSSLBinding
import SecureTransport
import Testing

@testable import NodeIdentity

@Suite(.timeLimit(.minutes(1))) struct WorkloadTests {
    @Test func theRegistrationDecides() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/ns/shop/sa/web", parent: "node-a", labels: ["app": "web"], lifetime: .seconds(300))
        let node = try await TestNode.joined("node-a", to: authority)
        let issued = try await node.service.issue(pod())
        let svid = issued.svid.svid
        #expect(svid.id == (try SPIFFEID("spiffe://example.org/ns/shop/sa/web")))
        #expect(issued.labels == ["app": "web"])
        #expect(issued.identity == .firstWorkload)
        #expect(svid.binding?.node == node.service.currentSVID?.svid.id)
        #expect(svid.notAfter - svid.notBefore == 310)
        #expect(try await node.service.workload(pod().podName)?.svid.svid == svid)
    }

    @Test func aPodThatIsNotRegisteredIsRefused() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: authority)
        await #expect(
            throws: AuthorityCallError.notRegistered("no registration matches pod shop/web-0 on this node")
        ) { try await node.service.issue(pod()) }
    }

    @Test func anEntryOfAnotherNodeIsNotForThisOne() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/ns/shop/sa/web", parent: "node-b")
        let a = try await TestNode.joined("node-a", to: authority)
        let b = try await TestNode.joined("node-b", to: authority)
        await #expect(throws: AuthorityCallError.self) { try await a.service.issue(pod()) }
        #expect(try await b.service.issue(pod()).identity == .firstWorkload)
    }

    @Test func templatesNamePodsOnlyWhereTheyMay() async throws {
        let authority = try await TestAuthority {
            $0.autoRegistration = AutoRegistration(
                scope: .node(try! ReservedNames.node("node-a", in: trustDomain)))
        }
        let a = try await TestNode.joined("node-a", to: authority)
        let b = try await TestNode.joined("node-b", to: authority)
        let issued = try await a.service.issue(pod(labels: ["app": "web"]))
        #expect(issued.svid.svid.id.path == "/ns/shop/sa/web")
        #expect(issued.labels == ["app": "web"])
        await #expect(throws: AuthorityCallError.self) { try await b.service.issue(pod()) }
    }

    @Test func oneIDWithOtherLabelsIsAnotherNumber() async throws {
        let authority = try await TestAuthority { $0.autoRegistration = AutoRegistration(scope: .allNodes) }
        let a = try await TestNode.joined("node-a", to: authority)
        let b = try await TestNode.joined("node-b", to: authority)
        let first = try await a.service.issue(pod("web-0", labels: ["v": "1"]))
        let second = try await a.service.issue(pod("web-1", labels: ["v": "2"]))
        let third = try await b.service.issue(pod("web-2", labels: ["v": "1"]))
        #expect(first.svid.svid.id == second.svid.svid.id)
        #expect(first.identity != second.identity)
        #expect(first.identity == third.identity)
        try await eventually("directory with both") {
            await a.service.currentDirectory?.workloads.map(\.number) == [first.identity, second.identity]
        }
    }

    /// What a request asks for has no effect: no field of ours, and none of the CSR, names the identity.
    @Test func aRequestThatAsksForAnotherIDGetsItsOwn() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/ns/shop/sa/web")
        let node = try await TestNode.joined("node-a", to: authority)
        let directory = authority.directory.path
        let config = """
            [req]
            distinguished_name = dn
            req_extensions = ext
            prompt = no
            [dn]
            CN = admin
            [ext]
            subjectAltName = URI:spiffe://example.org/podshield/node/node-b,DNS:admin.example.org
            basicConstraints = CA:TRUE
            keyUsage = keyCertSign
            """
        try config.write(toFile: directory + "/csr.cnf", atomically: true, encoding: .utf8)
        try Command.run(
            "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            directory + "/csr.key", "-outform", "DER", "-out", directory + "/csr.der", "-config",
            directory + "/csr.cnf")

        var message = Podshield_Authority_V1_IssueWorkloadRequest()
        message.pod = Podshield_Authority_V1_PodFacts(try pod())
        message.request = try Data(contentsOf: URL(filePath: directory + "/csr.der"))
        let answer = try await node.service.caller.call { [message] calls, options in
            try await calls.issueWorkload(message, options: options)
        }
        let svid = try SVIDVerifier(bundle: node.service.bundle)
            .verify(chainDER: answer.chain.map(Array.init), at: authority.clock.now)
        #expect(svid.id.path == "/ns/shop/sa/web")
        #expect(svid.leaf.subject.isEmpty)
        #expect(svid.binding?.node == node.service.currentSVID?.svid.id)
    }

    @Test func renewalComesAtHalfLifeAndForcedAtOnce() async throws {
        let authority = try await TestAuthority()
        // With ten seconds of back-dating: half of the life is one second after the start.
        try await authority.entry("/ns/shop/sa/web", lifetime: .seconds(12))
        let node = try await TestNode.joined("node-a", to: authority)
        var renewals = node.service.issuedWorkloads().makeAsyncIterator()
        let first = try await node.service.issue(pod())
        #expect(await renewals.next()?.svid.svid == first.svid.svid)
        let second = try #require(await renewals.next())
        #expect(second.svid.svid.leaf.serialHex != first.svid.svid.leaf.serialHex)
        #expect(second.svid.key.publicKey != first.svid.key.publicKey)
        #expect(second.identity == first.identity)

        let forced = try #require(try await node.service.renew(pod().podName))
        #expect(forced.svid.svid.leaf.serialHex != second.svid.svid.leaf.serialHex)
        await node.service.release(try pod().podName)
        #expect(try await node.service.renew(pod().podName) == nil)
    }

    @Test func aFailedRenewalKeepsWhatIsHeld() async throws {
        let authority = try await TestAuthority()
        let entry = try await authority.entry("/ns/shop/sa/web", lifetime: .seconds(12))
        let node = try await TestNode.joined("node-a", to: authority)
        let issued = try await node.service.issue(pod())
        _ = try await authority.service.deleteEntry(entry.id)
        try await eventually("a refused renewal") {
            node.journal.contains { if case .workloadRenewalFailed(_, .notRegistered, _) = $0 { true } else { false } }
        }
        #expect(try await node.service.workload(pod().podName)?.svid.svid == issued.svid.svid)
    }

    @Test func theNodeRenewsItselfAndGoesOn() async throws {
        let authority = try await TestAuthority { $0.nodeLifetime = .seconds(14) }
        try await authority.entry("/ns/shop/sa/web")
        let node = try await TestNode.joined("node-a", to: authority)
        let first = try #require(node.service.currentSVID)
        try await eventually("a renewed node") { node.service.currentSVID?.svid.leaf != first.svid.leaf }
        #expect(node.service.currentSVID?.svid.id == first.svid.id)
        _ = try await node.service.issue(pod())
        // Renewal goes on meanwhile, and the authority knows of each a moment before the node does.
        try await eventually("the same serial") {
            try await authority.service.nodes()[0].serial == node.service.currentSVID?.svid.leaf.serialHex
        }
    }

    @Test func scheduleStaysInItsBounds() {
        #expect(Schedule.renewal(notBefore: 1000, notAfter: 4600, chance: 0) == 2620)
        #expect(Schedule.renewal(notBefore: 1000, notAfter: 4600, chance: 0.5) == 2800)
        #expect(Schedule.renewal(notBefore: 1000, notAfter: 4600, chance: 0.999999) == 2979)
        #expect(Schedule.retry(failures: 1, chance: 0) == .seconds(0.5))
        #expect(Schedule.retry(failures: 30, chance: 1) == .seconds(60))
    }
}
