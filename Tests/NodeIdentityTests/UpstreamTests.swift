import Authority
import Foundation
import Identity
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import NodeIdentity

/// An authority whose CA is below another's.
@Suite(.timeLimit(.minutes(1))) struct UpstreamTests {
    private let pki: MachinePKI
    private let authority: TestAuthority

    init() async throws {
        let pki = try MachinePKI("upstream")
        self.pki = pki
        authority = try await TestAuthority { $0.upstream = Upstream(chain: [pki.root]) { pki.key } }
    }

    @Test func nodesAndPodsTrustTheRootAlone() async throws {
        #expect(authority.service.rootFingerprint == pki.root.sha256.map { String(format: "%02x", $0) }.joined())
        let node = try await TestNode.joined("node-a", to: authority)
        try await authority.entry("/ns/shop/sa/web")
        let issued = try await node.service.issue(pod())
        #expect(node.service.bundle.authorities == [pki.root])
        for svid in [issued.svid.svid, try #require(node.service.currentSVID?.svid)] {
            #expect(svid.chain.count == 2 && svid.anchor == pki.root)
        }
        await node.stop()
        // From its files.
        let again = try TestNode(in: node.directory, clock: authority.clock)
        #expect(again.service.currentSVID?.svid.chain == node.service.currentSVID?.svid.chain)
    }

    /// The list is signed by one that is no root.
    @Test func revocationsReachNodes() async throws {
        let node = try await TestNode.joined("node-a", to: authority)
        let other = try await TestNode.joined("node-b", to: authority, address: "192.0.2.2")
        try await authority.entry("/ns/shop/sa/web")
        let issued = try await node.service.issue(pod())
        let serial = issued.svid.svid.leaf.serialHex
        let taken = try await authority.service.revoke(.serial(serial), reason: .keyCompromise, by: 0)
        #expect(taken.map(\.serial) == [serial])
        for each in [node, other] {
            try await eventually("the node hears it") { each.service.bundle.revokes(issued.svid.svid) }
        }
        try await eventually("another takes its place") {
            let now = await node.service.workload(try pod().podName)?.svid.svid.leaf.serialHex
            return now != nil && now != serial
        }
        await other.stop()
        let again = try TestNode(in: other.directory, clock: authority.clock)
        #expect(again.service.bundle.revokes(issued.svid.svid))
    }

    /// Its key need not be there any more.
    @Test func aRestartAsksNobodyAbove() async throws {
        let fingerprint = authority.service.rootFingerprint
        try await authority.stop()
        let again = try await TestAuthority(in: authority.directory) { [pki] in
            $0.upstream = Upstream(chain: [pki.root]) { () throws(UpstreamKeyError) in
                throw UpstreamKeyError("it was removed")
            }
        }
        #expect(again.service.rootFingerprint == fingerprint)
        _ = try await TestNode.joined("node-a", to: again)
    }

    @Test func anotherAuthorityAboveIsRefused() async throws {
        let path = authority.directory.path + "/authority/ca.pem"
        try await authority.stop()
        let other = try MachinePKI("other")
        await #expect(throws: AuthorityError.otherUpstream(path: path)) {
            _ = try await TestAuthority(in: authority.directory) {
                $0.upstream = Upstream(chain: [other.root]) { other.key }
            }
        }
        let own = try await TestAuthority()
        try await own.stop()
        await #expect(throws: AuthorityError.otherUpstream(path: own.directory.path + "/authority/ca.pem")) {
            _ = try await TestAuthority(in: own.directory) { [pki] in
                $0.upstream = Upstream(chain: [pki.root]) { pki.key }
            }
        }
    }

    @Test func withoutTheKeyAboveThereIsNoCA() async throws {
        await #expect(throws: AuthorityError.upstreamKey("away")) {
            _ = try await TestAuthority { [pki] in
                $0.upstream = Upstream(chain: [pki.root]) { () throws(UpstreamKeyError) in
                    throw UpstreamKeyError("away")
                }
            }
        }
    }

    /// Workloads' certificates lead to it.
    @Test func theRootAboveVouchesForNoMachine() async throws {
        await #expect(throws: AuthorityError.ownRootVouchesForMachines) {
            _ = try await TestAuthority { [pki] in
                $0.upstream = Upstream(chain: [pki.root]) { pki.key }
                $0.machineCertificates = MachineCertificates(roots: [pki.root])
            }
        }
    }
}
