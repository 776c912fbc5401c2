import Foundation
import Identity
import Issuance
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import Authority
@testable import NodeIdentity

/// An authority whose CA is below another's.
@Suite(.timeLimit(.minutes(1))) struct UpstreamTests {
    private let pki: MachinePKI
    private let authority: TestAuthority

    init() async throws {
        let pki = try MachinePKI("upstream")
        self.pki = pki
        authority = try await TestAuthority { $0.upstream = .held(chain: [pki.root]) { pki.key } }
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

    /// Where CAs are signed for others: ours, and one below it.
    @Test func whatIsAboveHasRoomForTwo() async throws {
        for (pathLength, isEnough) in [(UInt32(1), false), (2, true)] {
            let now = authority.clock.now
            let root = try CertificateAuthority.createRoot(
                for: trustDomain, key: PrivateKey.generate(), now: now, lifetime: .seconds(86400),
                pathLength: pathLength)
            let start = {
                try await TestAuthority {
                    $0.upstream = .held(chain: [root.certificate]) { root.key }
                    $0.downstream = Above.settings
                }
            }
            if isEnough {
                #expect(try await start().service.authorities.current.active.authority.pathLength == 1)
            } else {
                await #expect(throws: AuthorityError.noRoomBelow) { try await start() }
            }
        }
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
            $0.upstream = .held(chain: [pki.root]) { () throws(UpstreamKeyError) in
                throw UpstreamKeyError("it was removed")
            }
        }
        #expect(again.service.rootFingerprint == fingerprint)
        _ = try await TestNode.joined("node-a", to: again)
    }

    /// The CA that is there goes on; one below the other is made at once, and takes over when the operator says so.
    @Test(arguments: ["another", "none"]) func anotherAuthorityAboveGetsItsTurn(_ above: String) async throws {
        let node = try await TestNode.joined("node-a", to: authority)
        try await authority.stop()
        let other = try MachinePKI("other")
        let again = try await TestAuthority(in: authority.directory, port: authority.port, clock: authority.clock) {
            $0.upstream = above == "none" ? nil : .held(chain: [other.root]) { other.key }
        }
        #expect(again.service.rootFingerprint == authority.service.rootFingerprint)
        try await eventually("the next is made") {
            try await again.service.certificateAuthorities().map(\.state) == [.active, .prepared]
        }
        try await eventually("nodes trust both") { node.service.bundle.authorities.count == 2 }
        again.clock.advance(seconds: 20)
        let next = try await again.service.activateAuthority()
        #expect(
            above == "none" ? next.rootFingerprint == next.fingerprint : next.rootFingerprint == other.root.fingerprint)
        try await node.service.renewNode()
        #expect(node.service.currentSVID?.svid.anchor != pki.root)
        // The root that was above before can be let go of: nothing else is below it.
        let former = try #require(try await again.service.certificateAuthorities().first)
        _ = try await again.service.taintAuthority(former.fingerprint)
        again.clock.advance(seconds: 15)
        _ = try await again.service.revokeAuthority(former.fingerprint)
        try await eventually("nodes let go of it") { !node.service.bundle.authorities.contains(pki.root) }
    }

    /// Its successor is below the same root: what it issued is replaced, and only the authority above can take it out.
    @Test func aCABelowARootThatStaysIsNotRevokedHere() async throws {
        let node = try await TestNode.joined("node-a", to: authority)
        _ = try await authority.service.prepareAuthority()
        authority.clock.advance(seconds: 20)
        _ = try await authority.service.activateAuthority()
        let former = try #require(try await authority.service.certificateAuthorities().first)
        _ = try await authority.service.taintAuthority(former.fingerprint)
        try await eventually("the node has another SVID") {
            node.service.currentSVID.map { $0.svid.issuer.fingerprint != former.fingerprint } == true
        }
        await #expect(throws: SuccessionError.belowUpstream(former.fingerprint)) {
            try await authority.service.revokeAuthority(former.fingerprint, force: true)
        }
        #expect(node.service.bundle.authorities == [pki.root])
    }

    @Test func withoutTheKeyAboveThereIsNoCA() async throws {
        await #expect(throws: AuthorityError.upstreamKey("away")) {
            _ = try await TestAuthority { [pki] in
                $0.upstream = .held(chain: [pki.root]) { () throws(UpstreamKeyError) in
                    throw UpstreamKeyError("away")
                }
            }
        }
    }

    /// Workloads' certificates lead to it.
    @Test func theRootAboveVouchesForNoMachine() async throws {
        await #expect(throws: AuthorityError.ownRootVouchesForMachines) {
            _ = try await TestAuthority { [pki] in
                $0.upstream = .held(chain: [pki.root]) { pki.key }
                $0.machineCertificates = MachineCertificates(roots: [pki.root])
            }
        }
    }
}
