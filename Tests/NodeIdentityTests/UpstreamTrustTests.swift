import Foundation
import Identity
import Issuance
import JOSE
import KernelTestSupport
import OpenSSLBinding
import SwiftProtobuf
import Testing
import WorkloadProtocol

@testable import Authority
@testable import NodeIdentity

/// What an authority below another is told of the trust domain, and what it tells.
@Suite(.serialized, .blocking, .timeLimit(.minutes(3))) struct UpstreamTrustTests {
    /// What the server's own certificate says is known once the root signs, and that is too late for nodes.
    @Test func aRootAboveIsTrustedBelowBeforeItSigns() async throws {
        let above = try await Above()
        let below = try await above.below()
        let node = try await TestNode.joined("node-b", to: below)
        let next = try await above.authority.service.prepareAuthority()
        try await eventually("the node above has it") { above.node.service.bundle.authorities.count == 2 }
        try await above.giveNew()
        await below.service.upstreamTrust.look()
        try await eventually("the node below has it, while it signs nothing") {
            node.service.bundle.authorities.map(\.fingerprint)
                == above.authority.service.bundle.authorities.map(\.fingerprint)
        }
        #expect(
            try await below.service.certificateAuthorities().map(\.rootFingerprint).contains(next.rootFingerprint)
                == false)
        // Over a restart, with nobody above to ask.
        above.given.give(nil)
        try await below.stop()
        let upstream = try await above.upstream()
        let again = try await TestAuthority(in: below.directory, clock: below.clock) {
            $0.name = "below"
            $0.upstream = .asked(upstream)
        }
        #expect(again.service.bundle.authorities.count == 2)
        // And no more once it is named no more.
        _ = try await above.authority.service.revokeAuthority(next.fingerprint)
        try await eventually("the node above has one") { above.node.service.bundle.authorities.count == 1 }
        try await above.giveNew()
        await again.service.upstreamTrust.look()
        #expect(again.service.bundle.authorities.count == 1)
    }

    /// Whatever the Workload API says: by an SVID below it a workload could join as a node.
    @Test func aRootAboveThatVouchesForMachinesIsNotTrusted() async throws {
        let above = try await Above()
        _ = try await above.authority.service.prepareAuthority()
        try await eventually("the node above has it") { above.node.service.bundle.authorities.count == 2 }
        try await above.giveNew()
        let roots = above.node.service.bundle.authorities
        let next = try #require(roots.first { $0.fingerprint != above.authority.service.rootFingerprint })
        let upstream = try await above.upstream()
        let below = try await TestAuthority(clock: above.authority.clock) {
            $0.name = "below"
            $0.upstream = .asked(upstream)
            $0.machineCertificates = MachineCertificates(roots: [next])
        }
        await below.service.upstreamTrust.look()
        #expect(below.service.bundle.authorities == roots.filter { $0 != next })
    }

    @Test func keysAreSharedWithTheAuthorityAbove() async throws {
        let above = try await Above()
        let below = try await above.below(publishesKeys: true)
        await below.service.upstreamTrust.look(keysToo: true)
        let own = try #require(try await below.service.keysForTokens().first?.keyID)
        let root = try #require(try await above.authority.service.keysForTokens().first?.keyID)
        #expect(above.published.map(\.keyID) == [own])
        #expect(
            Set(try await above.authority.service.publishedTrust().jwtBundle.authorities.map(\.keyID)) == [own, root])
        #expect(Set(try await below.service.publishedTrust().jwtBundle.authorities.map(\.keyID)) == [own, root])
        // Ours comes back from there, and stays ours.
        await below.service.upstreamTrust.look(keysToo: true)
        #expect(try await below.service.publishedTrust().jwtBundle.authorities.map(\.keyID) == [own, root])
        #expect(above.published.count == 1)
        // What is taken out above is gone here at the next look.
        _ = try await above.authority.service.revokeKeyForTokens(root, force: true)
        await below.service.upstreamTrust.look(keysToo: true)
        let left = try await below.service.publishedTrust().jwtBundle.authorities.map(\.keyID)
        #expect(left.contains(own) && !left.contains(root) && left.count == 2)
    }

    /// Of several SVIDs the first is shown, or the one that is meant.
    @Test func theHintSaysWhichSVIDIsShown() async throws {
        let above = try await Above()
        let held = try await above.held()
        let other = try await above.ask().workload("/another", now: above.authority.clock.now)
        let roots = above.node.service.bundle.authorities.flatMap(\.der)
        above.given.give(
            try .with {
                $0.svids = try [(other, "first"), (held, "below")].map { (svid, hint) in
                    let key = try unsafe svid.key.pkcs8DER().withUnsafeBytes { unsafe Data($0) }
                    return .with {
                        $0.x509Svid = Data(svid.svid.chain.flatMap(\.der))
                        ($0.x509SvidKey, $0.bundle, $0.hint) = (key, Data(roots), hint)
                    }
                }
            })
        await #expect(throws: IssuanceError.self) { try await above.ask() }
        #expect(above.refusals == [.notDownstream(other.svid.id)])
        _ = try await above.make(by: above.upstream(hint: "below"))
        let none = try await above.upstream(hint: "nobody")
        await #expect {
            try await above.make(by: none)
        } throws: {
            "\($0)".contains("of 2 none has the hint 'nobody'")
        }
    }

    @Test func withoutTheSettingNoKeyIsPublishedAbove() async throws {
        let above = try await Above()
        let below = try await above.below()
        await below.service.upstreamTrust.look(keysToo: true)
        #expect(above.published.isEmpty)
        #expect(try await below.service.publishedTrust().jwtBundle.authorities.count == 2)
    }

    @Test func aServerThatTakesNoKeysIsNamedOnce() async throws {
        let above = try await Above { $0.downstream?.takesKeys = false }
        let below = try await above.below(publishesKeys: true)
        for _ in 0..<3 { await below.service.upstreamTrust.look(keysToo: true) }
        let said = below.journal.all.compactMap { if case .keysAboveFailed(let reason) = $0 { reason } else { nil } }
        #expect(said.count == 1 && said.allSatisfy { $0.contains("downstream.jwt-keys") }, "\(said)")
        #expect(above.refusals == [.keysNotTaken])
    }

    /// Else what it signs was taken nowhere else for half a minute.
    @Test func aKeyThatIsPreparedIsPublishedAboveAtOnce() async throws {
        let above = try await Above()
        let below = try await above.below(publishesKeys: true)
        await below.service.upstreamTrust.look(keysToo: true)
        let next = try await below.service.prepareKeyForTokens().keyID
        try await eventually("it is published above") { above.published.map(\.keyID).contains(next) }
    }

    /// It is told by the lists that come with the SVID.
    @Test func aCAThatWasTakenBackHasItsSuccessorMade() async throws {
        let above = try await Above()
        let below = try await above.below()
        let first = try await below.service.certificateAuthorities()[0].fingerprint
        let serial = try #require(above.signed.first?.serial)
        _ = try await above.authority.service.revoke(.serial(serial), reason: .keyCompromise, by: 0)
        try await eventually("the node above knows") { above.node.service.bundle.revokes(serial: serial) }
        try await above.giveNew()
        for _ in 0..<2 { await below.service.upstreamTrust.look() }
        let said = below.journal.all.filter {
            if case .successionFailed(.takenBack(let fingerprint)) = $0 { fingerprint == first } else { false }
        }
        #expect(said.count == 1)
        await below.service.lifecycle.look()
        #expect(try await below.service.certificateAuthorities().map(\.state) == [.active, .prepared])
        // That one is good.
        for _ in 0..<2 { await below.service.lifecycle.look() }
        #expect(try await below.service.certificateAuthorities().map(\.state) == [.active, .prepared])
    }

    /// With a CA prepared below the root of before there was none below the other until that one had signed.
    @Test func whatIsPreparedBelowAnotherRootIsReplaced() async throws {
        let above = try await Above()
        let below = try await above.below()
        let first = try await below.service.prepareAuthority()
        _ = try await above.authority.service.prepareAuthority()
        above.authority.clock.advance(seconds: 20)
        let second = try await above.authority.service.activateAuthority().rootFingerprint
        try await eventually("the node trusts both") { above.node.service.bundle.authorities.count == 2 }
        try await above.giveNew()
        above.authority.clock.advance(seconds: 20)
        try await eventually("another is prepared in its place") {
            await below.service.lifecycle.look()
            let known = try await below.service.certificateAuthorities()
            return known.map(\.state) == [.active, .prepared] && known[1].rootFingerprint == second
        }
        #expect(try await below.service.certificateAuthorities()[1].fingerprint != first.fingerprint)
        // Nobody below takes out what is good above: its root is trusted all the same.
        below.clock.advance(seconds: 20)
        _ = try await below.service.activateAuthority()
        await below.service.upstreamTrust.look()
        let retired = try await below.service.certificateAuthorities()[0].fingerprint
        await #expect(throws: SuccessionError.belowUpstream(retired)) {
            try await below.service.revokeAuthority(retired, force: true)
        }
    }

    /// What the one of before has told is trusted by nobody's word any more.
    @Test func anotherAboveThatTellsNothingHasItForgotten() async throws {
        let above = try await Above()
        let below = try await above.below()
        await below.service.upstreamTrust.look(keysToo: true)
        let former = try await below.service.certificateAuthorities()[0].fingerprint
        #expect(try await below.service.publishedTrust().jwtBundle.authorities.count == 2)
        try await below.stop()
        let other = try ReachableUpstream()
        let again = try await TestAuthority(in: below.directory, clock: below.clock) {
            $0.name = "below"
            $0.upstream = .asked(other)
        }
        await again.service.upstreamTrust.look(keysToo: true)
        let own = try await again.service.keysForTokens().map(\.keyID)
        #expect(try await again.service.publishedTrust().jwtBundle.authorities.map(\.keyID) == own)
        await again.service.lifecycle.look()
        again.clock.advance(seconds: 20)
        _ = try await again.service.activateAuthority()
        _ = try await again.service.revokeAuthority(former, force: true)
        #expect(again.service.bundle.authorities == [other.root])
    }
}
