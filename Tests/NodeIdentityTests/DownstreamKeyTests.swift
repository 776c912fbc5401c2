import Foundation
import GRPCCore
import Identity
import Issuance
import JOSE
import KernelTestSupport
import OpenSSLBinding
import SPIREAPI
import SecureCalls
import SwiftProtobuf
import Testing

@testable import Authority
@testable import NodeIdentity

extension Above {
    func bundle(mask: Spire_Api_Types_BundleMask? = nil) async throws -> Spire_Api_Types_Bundle {
        try await call { client in
            try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: client)
                .getBundle(.with { if let mask { $0.outputMask = mask } })
        }
    }

    @discardableResult
    func publish(_ key: Spire_Api_Types_JWTKey?) async throws -> [Spire_Api_Types_JWTKey] {
        try await call { client in
            try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: client)
                .publishJWTAuthority(.with { if let key { $0.jwtAuthority = key } })
        }.jwtAuthorities
    }

    var published: [DownstreamKeyRecord] {
        authority.journal.all.compactMap { if case .downstreamKeyPublished(let key) = $0 { key } else { nil } }
    }

    var removed: [String] {
        authority.journal.all.compactMap { if case .jwtKeyRemoved(let keyID) = $0 { keyID } else { nil } }
    }
}

extension AuthorityService {
    fileprivate var publishedKeyIDs: [String] {
        get async throws { try await publishedTrust().jwtBundle.authorities.map(\.keyID) }
    }
}

/// A key with which a server of SPIRE signs: its ID says nothing of it.
private struct KeyBelow {
    let key: PrivateKey
    let id: String
    let notAfter: Int64

    init(_ clock: TestClock, id: String = "hQxhtGlTe1ybYKNqNfG2tDYrdPxUSsXb", seconds: Int64 = 86400) throws {
        key = try .generate()
        self.id = id
        notAfter = clock.now + seconds
    }

    var message: Spire_Api_Types_JWTKey {
        .with {
            $0.keyID = id
            $0.publicKey = Data(key.publicKey.subjectPublicKeyInfo)
            $0.expiresAt = notAfter
        }
    }
}

/// What a server of SPIRE does beside asking for a CA: it reads the bundle, and publishes its keys for JWT-SVIDs.
@Suite(.serialized, .blocking, .timeLimit(.minutes(3))) struct DownstreamKeyTests {
    @Test func theBundleIsTold() async throws {
        let above = try await Above()
        let service = above.authority.service
        let told = try await above.bundle()
        #expect(told.trustDomain == "example.org" && told.refreshHint > 0)
        #expect(told.x509Authorities.map(\.asn1) == service.bundle.authorities.map { Data($0.der) })
        let own = try await service.keysForTokens()
        #expect(told.jwtAuthorities.map(\.keyID) == own.map(\.keyID))
        #expect(told.jwtAuthorities.map(\.expiresAt) == own.map(\.notAfter))
        // As a server of SPIRE reads it: whole, and each key by itself.
        for key in told.jwtAuthorities { #expect(JWTAuthority(keyID: key.keyID, pkix: Array(key.publicKey)) != nil) }
        // A CA that is on its way out is told as such.
        _ = try await service.prepareAuthority()
        above.authority.clock.advance(seconds: 20)
        _ = try await service.activateAuthority()
        _ = try await service.taintAuthority(service.certificateAuthorities()[0].fingerprint)
        let next = try await above.bundle()
        #expect(next.x509Authorities.map(\.tainted) == [true, false] && next.sequenceNumber > told.sequenceNumber)
    }

    @Test func onlyWhatIsAskedForIsTold() async throws {
        let above = try await Above()
        let whole = try await above.bundle()
        func only(_ wanted: (inout Spire_Api_Types_BundleMask) -> Void) async throws -> Spire_Api_Types_Bundle {
            var mask = Spire_Api_Types_BundleMask()
            wanted(&mask)
            return try await above.bundle(mask: mask)
        }
        let domain = Spire_Api_Types_Bundle.with { $0.trustDomain = whole.trustDomain }
        #expect(try await only { _ in } == domain)
        #expect(try await only { $0.x509Authorities = true }.jwtAuthorities.isEmpty)
        #expect(try await only { $0.x509Authorities = true }.x509Authorities == whole.x509Authorities)
        #expect(try await only { $0.jwtAuthorities = true }.jwtAuthorities == whole.jwtAuthorities)
        #expect(try await only { $0.jwtAuthorities = true }.x509Authorities.isEmpty)
        #expect(try await only { $0.refreshHint = true }.refreshHint == whole.refreshHint)
        #expect(try await only { $0.sequenceNumber = true }.sequenceNumber == whole.sequenceNumber)
    }

    @Test func whoHasNoEntryIsToldNothing() async throws {
        let above = try await Above(isDownstream: false)
        let key = try KeyBelow(above.authority.clock)
        await #expect { try await above.bundle() } throws: { ($0 as? RPCError)?.code == .permissionDenied }
        await #expect { try await above.publish(key.message) } throws: { ($0 as? RPCError)?.code == .permissionDenied }
        #expect(above.refusals == Array(repeating: .notDownstream(above.entry.spiffeID), count: 2))
        #expect(above.published.isEmpty)
    }

    @Test func aKeyBelowIsTrustedUntilItEnds() async throws {
        let above = try await Above { $0.limits.endedKey = .zero }
        let key = try KeyBelow(above.authority.clock)
        let all = try await above.publish(key.message)
        #expect(all.contains(key.message) && all.count == 2)
        #expect(above.published.map(\.keyID) == [key.id] && above.published.map(\.entry) == [above.entry.id])
        try await eventually("the node has it") {
            above.node.service.jwtBundle.authorities.contains { $0.keyID == key.id && $0.key == key.key.publicKey }
        }
        // Once more is nothing new.
        let sequence = try await above.bundle().sequenceNumber
        #expect(try await above.publish(key.message) == all)
        #expect(try await above.bundle().sequenceNumber == sequence && above.published.count == 1)
        above.authority.clock.advance(seconds: 86400)
        _ = try await above.authority.service.jwtKeys.current()
        #expect(above.removed.contains(key.id))
        let left = try await above.authority.service.publishedTrust().jwtBundle.authorities
        #expect(left.allSatisfy { $0.keyID != key.id })
    }

    @Test(arguments: [
        "entry deleted", "no longer downstream", "entry revoked", "name revoked", "SVID revoked", "node banned",
        "node evicted", "entry moved",
    ])
    func aKeyGoesWithItsLeave(_ why: String) async throws {
        let above = try await Above()
        let service = above.authority.service
        let key = try KeyBelow(above.authority.clock)
        try await above.publish(key.message)
        switch why {
        case "entry deleted": _ = try await service.deleteEntry(above.entry.id)
        case "no longer downstream":
            _ = try await service.updateEntry(
                above.entry.id,
                to: NewEntry(
                    spiffeID: above.entry.spiffeID, parent: above.entry.parent, selectors: above.entry.selectors))
        case "entry moved":
            _ = try await service.updateEntry(
                above.entry.id,
                to: NewEntry(
                    spiffeID: above.entry.spiffeID, parent: ReservedNames.node("node-b", in: trustDomain),
                    selectors: above.entry.selectors, isDownstream: true))
        case "entry revoked": _ = try await service.revoke(.entry(above.entry.id), reason: .unspecified, by: 0)
        case "name revoked": _ = try await service.revoke(.spiffeID(above.entry.spiffeID), reason: .unspecified, by: 0)
        case "SVID revoked":
            let held = try await above.held().svid.leaf
            _ = try await service.revoke(.serial(held.serialHex), reason: .unspecified, by: 0)
        case "node banned": _ = try await service.ban(node: "node-a")
        default: _ = try await service.evict(node: "node-a")
        }
        #expect(try await service.publishedTrust().jwtBundle.authorities.allSatisfy { $0.keyID != key.id })
        #expect(above.removed == [key.id])
        if !why.contains("node") {
            try await eventually("the node hears it") {
                above.node.service.jwtBundle.authorities.allSatisfy { $0.keyID != key.id }
            }
        }
    }

    @Test(arguments: [
        "none", "no ID", "an ID with spaces", "no key", "more behind it", "RSA", "Ed25519", "no end", "ended",
        "too long",
        "tainted",
    ])
    func whatIsNoKeyIsRefused(_ what: String) async throws {
        let above = try await Above()
        let clock = above.authority.clock
        var message = try KeyBelow(clock).message
        switch what {
        case "no ID": message.keyID = ""
        case "an ID with spaces": message.keyID = "a key"
        case "no key": message.publicKey = Data([1, 2, 3])
        case "more behind it": message.publicKey += Data([0])
        case "RSA": message.publicKey = Data(try PrivateKey.generate(.rsa2048).publicKey.subjectPublicKeyInfo)
        case "Ed25519": message.publicKey = Data(try PrivateKey.generate(.ed25519).publicKey.subjectPublicKeyInfo)
        case "no end": message.expiresAt = 0
        case "ended": message.expiresAt = clock.now
        case "too long": message.expiresAt = clock.now + 7 * 86400 + 3600
        case "tainted": message.tainted = true
        default: break
        }
        let offered = what == "none" ? nil : message
        await #expect { try await above.publish(offered) } throws: { ($0 as? RPCError)?.code == .invalidArgument }
        #expect(above.published.isEmpty && above.refusals.count == 1)
    }

    /// Neither by its ID nor by what it is: when ours is taken out nothing of it may stay.
    @Test func aKeyBelowTakesNoOtherPlace() async throws {
        let above = try await Above()
        let (service, clock) = (above.authority.service, above.authority.clock)
        let own = try #require(try await service.publishedTrust().jwtBundle.authorities.first)
        var ours = try KeyBelow(clock).message
        ours.keyID = own.keyID
        var renamed = try KeyBelow(clock).message
        renamed.publicKey = Data(own.key.subjectPublicKeyInfo)
        let first = try KeyBelow(clock)
        try await above.publish(first.message)
        var same = try KeyBelow(clock).message
        same.keyID = first.id
        var twice = first.message
        twice.keyID = "another"
        for message in [ours, renamed, same, twice] {
            await #expect { try await above.publish(message) } throws: { ($0 as? RPCError)?.code == .alreadyExists }
        }
        let left = try await service.publishedTrust().jwtBundle.authorities
        #expect(left.contains(own) && left.map(\.keyID) == [own.keyID, first.id])
        #expect(left.last?.key == first.key.publicKey)
    }

    @Test func keysBelowAreFew() async throws {
        let above = try await Above()
        let core = above.authority.service.registry
        let svid = try await above.held().svid
        let shown = ShownSVID(
            id: svid.id, serial: svid.leaf.serialHex,
            issuers: above.authority.service.authorities.current.all.map(\.fingerprint))
        let publish = { (number: Int) async throws in
            let message = try KeyBelow(above.authority.clock, id: "key-\(number)", seconds: 60).message
            let now = above.authority.clock.now
            _ = try await core.publish(
                DownstreamKey(message, lifetime: .seconds(86400), now: now), of: above.entry, askedBy: shown, now: now)
        }
        for number in 0..<Registry.mostDownstreamKeys.ofEntry { try await publish(number) }
        await #expect(throws: CallRefusal.tooManyKeys) { try await publish(100) }
        // Those that have ended take no place.
        above.authority.clock.advance(seconds: 60)
        try await publish(101)
    }

    /// That there was no room is no refusal for good.
    @Test func aKeyThatFoundNoRoomIsOfferedAgain() async throws {
        let above = try await Above()
        try await fill(above)
        let below = try await above.below(publishesKeys: true)
        await below.service.upstreamTrust.look(keysToo: true)
        #expect(above.published.isEmpty && above.refusals.contains(.tooManyKeys))
        above.authority.clock.advance(seconds: 60)
        await below.service.upstreamTrust.look(keysToo: true)
        let own = try await below.service.keysForTokens().map(\.keyID)
        #expect(above.published.map(\.keyID) == own)
    }

    @Test func aKeyThatIsRefusedKeepsNoOtherFromBeingPublished() async throws {
        let above = try await Above()
        try await fill(above)
        let below = try await above.below(publishesKeys: true)
        await below.service.upstreamTrust.look(keysToo: true)
        let first = try #require(await below.service.keysForTokens().first).keyID
        above.authority.clock.advance(seconds: 60)
        try await above.publish(KeyBelow(above.authority.clock, id: first).message)
        let second = try await below.service.prepareKeyForTokens().keyID
        try await eventually("it is published above") { above.published.map(\.keyID).contains(second) }
        #expect(above.refusals.contains(.keyTaken(first)))
    }

    /// There is no place for another for a minute.
    private func fill(_ above: Above) async throws {
        let (registry, clock) = (above.authority.service.registry, above.authority.clock)
        let svid = try await above.held().svid
        let shown = ShownSVID(
            id: svid.id, serial: svid.leaf.serialHex,
            issuers: above.authority.service.authorities.current.all.map(\.fingerprint))
        for number in 0..<Registry.mostDownstreamKeys.ofEntry {
            let message = try KeyBelow(clock, id: "key-\(number)", seconds: 60).message
            let key = try DownstreamKey(message, lifetime: .seconds(86400), now: clock.now)
            _ = try await registry.publish(key, of: above.entry, askedBy: shown, now: clock.now)
        }
    }

    /// Whoever was let have a CA before there were keys has got nothing more by that.
    @Test func withoutTheSettingNoKeyIsTaken() async throws {
        let above = try await Above { $0.downstream?.takesKeys = false }
        let key = try KeyBelow(above.authority.clock)
        await #expect { try await above.publish(key.message) } throws: {
            ($0 as? RPCError)?.code == .failedPrecondition && "\($0)".contains("downstream.jwt-keys")
        }
        #expect(try await above.bundle().jwtAuthorities.count == 1)
        #expect(above.refusals == [.keysNotTaken])
    }

    /// Who takes the leave back has those taken out that are there.
    @Test(arguments: [true, false]) func keysGoWithTheSetting(isServedBelow: Bool) async throws {
        let above = try await Above()
        let key = try KeyBelow(above.authority.clock)
        try await above.publish(key.message)
        #expect(try await above.authority.service.publishedKeyIDs.contains(key.id))
        try await above.authority.stop()
        let again = try await TestAuthority(in: above.authority.directory, clock: above.authority.clock) {
            guard isServedBelow else { return }
            $0.downstream = Above.settings
            $0.downstream?.takesKeys = false
        }
        #expect(try await again.service.publishedKeyIDs == again.service.keysForTokens().map(\.keyID))
    }

    @Test func keysAreOfferedNowAndThen() async throws {
        let above = try await Above()
        let key = try KeyBelow(above.authority.clock)
        for _ in 0..<8 { try await above.publish(key.message) }
        await #expect { try await above.publish(key.message) } throws: { ($0 as? RPCError)?.code == .resourceExhausted }
        #expect(above.refusals == [.tooManyCalls])
        // Nothing of that is taken from CAs, nor from the bundle.
        _ = try await above.ask()
        _ = try await above.bundle()
    }
}
