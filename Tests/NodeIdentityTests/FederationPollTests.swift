import BundleEndpoint
import Federation
import Foundation
import Identity
import Issuance
import JOSE
import Synchronization
import Testing

@testable import Authority
@testable import NodeIdentity

/// When an authority asks the endpoint of another trust domain by itself. Its clock stands still but for what a test adds.
@Suite(.timeLimit(.minutes(2))) struct FederationPollTests {
    private let clock: TestClock
    private let authority: TestAuthority
    private let partner: TestAuthority
    private let endpoint: BundleEndpoint.Running
    private let asked: Asked

    /// How often an endpoint was asked, and whether what it answers can be taken: if not, each answer is refused for a reason
    /// of its own, by which a test sees that it was.
    private final class Asked: Sendable {
        let count = Mutex(0)
        let isSound = Mutex(true)
    }

    /// What is held is newer than any answer that is to be refused.
    private static let sequence: UInt64 = 1000

    init() async throws {
        let clock = TestClock(stoppedAt: Int64(Date().timeIntervalSince1970))
        self.clock = clock
        authority = try await TestAuthority(clock: clock)
        let domain = try TrustDomain("partner.example")
        let partner = try await TestAuthority(clock: clock) { $0.trustDomain = domain }
        self.partner = partner
        let asked = Asked()
        self.asked = asked
        endpoint = try await BundleEndpoint(
            address: partner.service.settings.listenAddress, port: 0, certificate: .svid { partner.service.serverSVID },
            documents: {
                let number = asked.count.withLock { count in
                    count += 1
                    return UInt64(count)
                }
                guard var bundle = try? await partner.service.publishedTrust().bundle else { return nil }
                bundle.sequence = asked.isSound.withLock { $0 } ? Self.sequence + bundle.sequence : number
                let document = BundleDocument(
                    bundle: bundle, jwtBundle: .empty(domain), refreshHint: .seconds(600))
                return EndpointDocuments(bundle: document, discovery: nil)
            }, now: { clock.now }, failed: { _ in }, flooded: { _ in }
        ).start()
    }

    private var times: Int { asked.count.withLock { $0 } }

    /// Returns the sequence of what is held at first.
    @discardableResult private func federate() async throws -> UInt64 {
        let domain = partner.service.settings.trustDomain
        let relationship = try Relationship(
            with: domain, of: trustDomain, at: EndpointURL("https://127.0.0.1:\(endpoint.port)/"),
            profile: .spiffe(SPIFFEID("spiffe://\(domain)/podshield/authority/main")))
        var bundle = try await partner.service.publishedTrust().bundle
        bundle.sequence += Self.sequence
        let first = try ForeignBundle(BundleDocument(bundle: bundle, jwtBundle: .empty(domain)))
        _ = try await authority.service.federate(relationship, bundle: first, replacing: false)
        return first.document.sequence
    }

    private func failure() async throws -> FederationError? {
        try await authority.service.relationships().first?.failure
    }

    /// Longer than the keeper needs to see that something is due.
    private func nothingIsAsked(for seconds: Int = 3) async throws {
        let before = times
        try await Task.sleep(for: .seconds(seconds))
        #expect(times == before)
    }

    /// The bundle's own hint of 600 seconds, a tenth more or less.
    @Test func theBundleIsFetchedAgainWhenItSays() async throws {
        try await federate()
        try await eventually("at once") { times == 1 }
        try await nothingIsAsked()
        _ = try await partner.service.prepareAuthority()
        clock.advance(seconds: 530)
        try await nothingIsAsked()
        #expect(try await authority.service.foreignBundles().first?.bundle.document.bundle.authorities.count == 1)
        clock.advance(seconds: 140)
        try await eventually("what has changed has come") {
            try await authority.service.foreignBundles().first?.bundle.document.bundle.authorities.count == 2
        }
        #expect(times == 2)
        try await nothingIsAsked()
        clock.advance(seconds: 670)
        try await eventually("and so on") { times == 3 }
    }

    /// After two seconds, then four, and so on up to five minutes, however long it fails; what is held stays.
    @Test func whatFailsIsTriedAgainAfterAWhile() async throws {
        asked.isSound.withLock { $0 = false }
        let held = try await federate()
        try await hasFailed(1, held)
        try await nothingIsAsked()
        clock.advance(seconds: 3)
        try await hasFailed(2, held)
        clock.advance(seconds: 2)
        try await nothingIsAsked()
        clock.advance(seconds: 3)
        for number in 3...10 {
            try await hasFailed(number, held)
            if number == 10 { asked.isSound.withLock { $0 = true } }
            clock.advance(seconds: min(331, Int64(1 << number) * 11 / 10 + 1))
        }
        try await eventually("it has come") { try await failure() == nil }
        #expect(times == 11)
        #expect(authority.journal.contains { if case .federationRestored = $0 { true } else { false } })
    }

    private func hasFailed(_ number: Int, _ held: UInt64) async throws {
        try await eventually("try \(number) has failed") {
            try await failure() == .rolledBack(from: held, to: UInt64(number))
        }
        #expect(try await authority.service.foreignBundles().map(\.bundle.document.sequence) == [held])
    }
}
