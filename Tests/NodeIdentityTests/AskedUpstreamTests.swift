import Foundation
import Glibc
import Identity
import Issuance
import JOSE
import KernelTestSupport
import OpenSSLBinding
import Synchronization
import Testing

@testable import Authority
@testable import NodeIdentity

/// An authority whose CAs are signed by another each time it is asked, and which is away at times.
@Suite(.timeLimit(.minutes(1))) struct AskedUpstreamTests {
    private let above: ReachableUpstream
    private let authority: TestAuthority

    init() async throws {
        let above = try ReachableUpstream()
        self.above = above
        authority = try await TestAuthority { $0.upstream = .asked(above) }
    }

    private func records() async throws -> [AuthorityRecord] {
        try await authority.service.certificateAuthorities()
    }

    /// How often the journal says why there is no CA.
    private func failures(of authority: TestAuthority) -> [String] {
        authority.journal.all.compactMap { if case .successionFailed(let error) = $0 { "\(error)" } else { nil } }
    }

    @Test func oneCAFollowsAnotherByItself() async throws {
        #expect(authority.service.rootFingerprint == above.root.fingerprint)
        let node = try await TestNode.joined("node-a", to: authority)
        let first = try await records()[0]
        authority.clock.advance(seconds: 183 * 86400)
        above.now = authority.clock.now
        await authority.service.lifecycle.look()
        #expect(try await records().map(\.state) == [.active, .prepared])
        authority.clock.advance(seconds: 122 * 86400)
        await authority.service.lifecycle.look()
        let second = try await records()[1]
        #expect(try await records().map(\.state) == [.retired, .active])
        #expect(second.fingerprint != first.fingerprint && second.rootFingerprint == first.rootFingerprint)
        #expect(node.service.bundle.authorities == [above.root] && failures(of: authority).isEmpty)
    }

    /// A restart needs nobody, and what cannot be had is said once.
    @Test func awayItKeepsNothingBack() async throws {
        try await authority.stop()
        above.fault = "Vault cannot be reached"
        let again = try await TestAuthority(in: authority.directory, clock: authority.clock) { [above] in
            $0.upstream = .asked(above)
        }
        _ = try await TestNode.joined("node-a", to: again)
        again.clock.advance(seconds: 183 * 86400)
        for _ in 0..<4 { await again.service.lifecycle.look() }
        #expect(failures(of: again) == ["no CA from upstream: Vault cannot be reached"])
        #expect(try await again.service.certificateAuthorities().map(\.state) == [.active])
        // By hand it is asked at once.
        let asked = above.asked
        await #expect(throws: SuccessionError.self) { try await again.service.prepareAuthority() }
        #expect(above.asked == asked + 1)
        above.fault = nil
        #expect(try await again.service.prepareAuthority().state == .prepared)
    }

    /// While it does not answer it is asked more and more rarely.
    @Test func itIsNotAskedAgainAtOnce() async throws {
        // The look of the start.
        try await eventually("it was asked") { above.asked >= 2 }
        let asked = above.asked
        above.fault = "away"
        for _ in 0..<6 { await authority.service.lifecycle.look() }
        #expect(above.asked - asked == 2)
        var inquiry = UpstreamInquiry()
        #expect(inquiry.isDue)
        inquiry.note(.ended, pause: .seconds(30))
        #expect(inquiry.isDue)
        inquiry.note(.ended, pause: .seconds(30))
        #expect(!inquiry.isDue && inquiry.failure == .ended)
        inquiry.note(nil, pause: .seconds(30))
        #expect(inquiry.isDue && inquiry.failure == nil)
    }

    /// Who asks the authority something meanwhile is answered.
    @Test func nobodyWaitsWhileItIsWaitedFor() async throws {
        try await eventually("it was asked") { above.asked >= 2 }
        above.delay = .seconds(2)
        let asked = above.asked
        let look = Task { await authority.service.lifecycle.look() }
        try await eventually("it is asked") { above.asked > asked }
        let clock = ContinuousClock()
        let took = try await clock.measure { _ = try await records() }
        #expect(took < .seconds(1))
        let waited = await clock.measure { await look.value }
        #expect(waited > .milliseconds(500))
    }

    /// A CA below the new root is prepared and published, and signs when the operator says so.
    @Test func anotherRootAboveIsPublishedFirst() async throws {
        let node = try await TestNode.joined("node-a", to: authority)
        let former = above.root
        try above.replaceRoot()
        await authority.service.lifecycle.look()
        try await eventually("the node trusts both") {
            Set(node.service.bundle.authorities) == [former, above.root]
        }
        #expect(try await records().map(\.state) == [.active, .prepared])
        authority.clock.advance(seconds: 20)
        #expect(try await authority.service.activateAuthority().rootFingerprint == above.root.fingerprint)
        try await node.service.renewNode()
        #expect(node.service.currentSVID?.svid.anchor == above.root)
        let old = try await records()[0]
        _ = try await authority.service.taintAuthority(old.fingerprint)
        authority.clock.advance(seconds: 15)
        _ = try await authority.service.revokeAuthority(old.fingerprint)
        try await eventually("the node lets go of it") { node.service.bundle.authorities == [above.root] }
    }

    /// One that was off until its CA had ended has another made below the root that nodes trust.
    @Test func afterItsEndThereIsAnother() async throws {
        let root = authority.service.rootFingerprint
        try await authority.stop()
        authority.clock.advance(seconds: 366 * 86400)
        above.now = authority.clock.now
        above.fault = "away"
        await #expect(throws: AuthorityError.upstream("upstream", .upstream(UpstreamError("away")))) {
            _ = try await TestAuthority(in: authority.directory, clock: authority.clock) { [above] in
                $0.upstream = .asked(above)
            }
        }
        above.fault = nil
        let again = try await TestAuthority(in: authority.directory, clock: authority.clock) { [above] in
            $0.upstream = .asked(above)
        }
        #expect(again.service.rootFingerprint == root)
        #expect(try await again.service.certificateAuthorities().last?.state == .active)
        _ = try await TestNode.joined("node-b", to: again)
    }

    /// While it runs likewise: published at one look, signing at the next.
    @Test func anotherTakesTheRunningOnesPlaceAtItsEnd() async throws {
        authority.clock.advance(seconds: 366 * 86400)
        above.now = authority.clock.now
        await authority.service.lifecycle.look()
        #expect(try await records().map(\.state) == [.active, .prepared])
        await authority.service.lifecycle.look()
        #expect(try await records().map(\.state) == [.retired, .active])
        // The server tries again after ten seconds to have an SVID issued.
        authority.clock.advance(seconds: 10)
        _ = try await TestNode.joined("node-a", to: authority)
    }

    /// By a clock of ours that is wrong there is none.
    @Test func clocksHaveToAgree() async throws {
        authority.clock.advance(seconds: 366 * 86400)
        await authority.service.lifecycle.look()
        #expect(try await records().map(\.state) == [.active])
        #expect(failures(of: authority).contains { $0.contains("both clocks") })
    }

    /// A CA that vouched for itself goes on, beside one below the authority that is named now.
    @Test func aRootOfItsOwnIsFollowed() async throws {
        let own = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: own)
        let root = try #require(node.service.bundle.authorities.first)
        try await own.stop()
        let again = try await TestAuthority(in: own.directory, port: own.port, clock: own.clock) { [above] in
            $0.upstream = .asked(above)
        }
        try await eventually("the node trusts both") {
            Set(node.service.bundle.authorities) == [root, above.root]
        }
        #expect(try await again.service.certificateAuthorities().map(\.state) == [.active, .prepared])
    }

    @Test func aFirstStartNeedsIt() async throws {
        above.fault = "Vault cannot be reached"
        let away = AuthorityError.upstream("upstream", .upstream(UpstreamError("Vault cannot be reached")))
        #expect("\(away)" == "no CA from upstream: Vault cannot be reached")
        await #expect(throws: away) {
            _ = try await TestAuthority { [above] in $0.upstream = .asked(above) }
        }
    }

    /// Who issues certificates to machines under that root as well could let any workload join.
    @Test func itsRootVouchesForNoMachine() async throws {
        let machines = MachineCertificates(roots: [above.root])
        await #expect(throws: AuthorityError.ownRootVouchesForMachines) {
            _ = try await TestAuthority { [above] in
                $0.upstream = .asked(above)
                $0.machineCertificates = machines
            }
        }
        // Nor one that it gets later.
        let other = try ReachableUpstream()
        let next = MachineCertificates(roots: [other.root])
        let authority = try await TestAuthority { [above] in
            $0.upstream = .asked(above)
            $0.machineCertificates = next
        }
        above.take(rootOf: other)
        await authority.service.lifecycle.look()
        #expect(failures(of: authority) == ["\(AuthorityError.ownRootVouchesForMachines)"])
        #expect(try await authority.service.certificateAuthorities().count == 1)
    }
}

/// Signs what it is asked for, unless it has a fault.
final class ReachableUpstream: UpstreamAuthority {
    let description = "upstream"
    private let state: Mutex<State>

    private struct State {
        var key: PrivateKey
        var root: Certificate
        var fault: String?
        var asked = 0
        var now: Int64?
        var delay = Duration.zero
    }

    init() throws {
        let key = try PrivateKey.generate()
        state = Mutex(State(key: key, root: try Self.root(key)))
    }

    private static func root(_ key: PrivateKey) throws -> Certificate {
        var order = MachinePKI.Order(commonName: "root", isAuthority: true, usage: [.keyCertSign], purposes: nil)
        order.validity = -60...(3650 * 86400)
        return try order.certificate(of: key.publicKey, by: key, under: nil)
    }

    var root: Certificate { state.withLock { $0.root } }
    var asked: Int { state.withLock { $0.asked } }
    var fault: String? {
        get { state.withLock { $0.fault } }
        set { state.withLock { $0.fault = newValue } }
    }
    /// How long it takes to answer, on the thread of who asks.
    var delay: Duration {
        get { state.withLock { $0.delay } }
        set { state.withLock { $0.delay = newValue } }
    }
    /// Its clock; the machine's when nil.
    var now: Int64? {
        get { state.withLock { $0.now } }
        set { state.withLock { $0.now = newValue } }
    }

    func replaceRoot() throws {
        let key = try PrivateKey.generate()
        let root = try Self.root(key)
        state.withLock { ($0.key, $0.root) = (key, root) }
    }

    func take(rootOf other: ReachableUpstream) {
        let (key, root) = other.state.withLock { ($0.key, $0.root) }
        state.withLock { ($0.key, $0.root) = (key, root) }
    }

    private func ask() throws(UpstreamError) -> State {
        let state = state.withLock { state in
            state.asked += 1
            return state
        }
        usleep(UInt32(state.delay / .microseconds(1)))
        if let fault = state.fault { throw UpstreamError(fault) }
        return state
    }

    func certificates() throws(UpstreamError) -> [Certificate] { [try ask().root] }

    func sign(_ request: AuthorityRequest) throws(UpstreamError) -> [Certificate] {
        let state = try ask()
        do {
            let lines = request.pem.split(separator: "\n").dropFirst().dropLast()
            let asked = try CertificateRequest(der: Base64.standard.decode(Array(lines.joined().utf8)) ?? [])
            let now = state.now ?? Int64(Date().timeIntervalSince1970)
            let identifier = { (key: PublicKey) in Array(SHA256Digest.hash(key.subjectPublicKeyInfo).prefix(20)) }
            let names = DER.sequence(DER.element(.context6, Array(request.uriName.utf8)))
            let parts: [(String, [UInt8], Bool)] = [
                (ExtensionID.basicConstraints, DER.sequence(DER.true, DER.integer(0)), true),
                (ExtensionID.keyUsage, KeyUsage([.keyCertSign, .cRLSign]).derEncoded, true),
                (ExtensionID.subjectKeyIdentifier, DER.element(.octetString, identifier(asked.publicKey)), false),
                (
                    ExtensionID.authorityKeyIdentifier,
                    DER.sequence(DER.element(.context0, identifier(state.key.publicKey))), false
                ),
                (ExtensionID.subjectAlternativeName, names, false),
            ]
            let made = try CertificateContents(
                serial: RandomBytes.make(16), subjectCommonName: "below", notBefore: now - 30,
                notAfter: now + request.seconds, publicKey: asked.publicKey,
                extensions: parts.map { CertificateExtension(oid: $0.0, isCritical: $0.2, value: $0.1) }
            ).signed(by: state.key, issuer: state.root)
            return [made, state.root]
        } catch {
            throw UpstreamError("\(error)")
        }
    }
}
