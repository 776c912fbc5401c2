import Addressing
import AuthorityAPI
import Foundation
import GRPCCore
import Identity
import KernelTestSupport
import OpenSSLBinding
import RateLimiting
import SPIREAPI
import SPIREUpstream
import SecureCalls
import SecureTransport
import Testing

@testable import Authority
@testable import Issuance
@testable import NodeIdentity

/// An authority that signs CAs for others, and the workload of one of its nodes that is such another.
struct Above {
    let authority: TestAuthority
    let node: TestNode
    let entry: RegistrationEntry
    let given: GivenIdentity

    static let settings = DownstreamSettings(
        address: IPAddress("127.0.0.1")!, port: 0, lifetime: .seconds(7 * 86400), takesKeys: true)

    init(isDownstream: Bool = true, adjust: (inout AuthoritySettings) -> Void = { _ in }) async throws {
        authority = try await TestAuthority {
            $0.downstream = Self.settings
            adjust(&$0)
        }
        entry = try await authority.service.createEntry(
            NewEntry(
                spiffeID: SPIFFEID(trustDomain: trustDomain, path: "/authority-b"),
                parent: ReservedNames.node("node-a", in: trustDomain), selectors: [.userID(0)],
                isDownstream: isDownstream))
        node = try await TestNode.joined("node-a", to: authority)
        given = try await GivenIdentity()
        try await giveNew()
    }

    /// What the node's own Workload API has for the process.
    func held() async throws -> KeyedSVID {
        try await eventually("the entry") { await node.service.entries?.count == 1 }
        let known = try #require(await node.service.entries?.inOrder.first)
        return try await node.service.svid(of: known)
    }

    /// And what it gives the process.
    func giveNew() async throws {
        try given.give(
            try await held(), trusting: node.service.bundle.authorities.map(\.der),
            lists: node.service.bundle.revocations.map(\.der))
    }

    /// As the daemon below asks.
    func upstream(port: UInt16? = nil, hint: String? = nil, publishesKeys: Bool = false) async throws -> SPIREServer {
        var port = port
        if port == nil { port = await authority.service.downstreamPort }
        return try SPIREServer(
            trustDomain, host: "127.0.0.1", port: #require(port), workloadSocket: given.path,
            hint: hint, publishesKeys: publishesKeys, now: { [clock = authority.clock] in clock.now })
    }

    func below(publishesKeys: Bool = false) async throws -> TestAuthority {
        let upstream = try await upstream(publishesKeys: publishesKeys)
        return try await TestAuthority(clock: authority.clock) {
            $0.name = "below"
            $0.upstream = .asked(upstream)
        }
    }

    /// Calls once where CAs are signed, as who holds this.
    func call<Answer: Sendable>(
        as held: KeyedSVID? = nil,
        _ body: @Sendable (GRPCClient<SecureConnection.Transport>) async throws -> Answer
    ) async throws -> Answer {
        var own = held
        if own == nil { own = try await self.held() }
        let svid = try #require(own)
        let identity = TransportIdentity(
            current: { svid }, bundle: { [bundle = authority.service.bundle] in bundle },
            now: { [clock = authority.clock] in clock.now })
        let connection = try await SecureConnection.open(
            host: "127.0.0.1", port: Int(#require(await authority.service.downstreamPort)), identity: identity,
            expecting: .workload(anyOf: [ReservedNames.spireServer(in: trustDomain)], isOfOwnNode: false))
        let running = Task { try? await connection.run() }
        let answer: Result<Answer, any Error>
        do { answer = .success(try await body(connection.client)) } catch { answer = .failure(error) }
        connection.close()
        await running.value
        return try answer.get()
    }

    /// Asks once, by a key of its own, on a thread that may wait.
    func ask() async throws -> CertificateAuthority {
        try await make(by: upstream())
    }

    func make(by upstream: SPIREServer) async throws -> CertificateAuthority {
        let now = authority.clock.now
        return try await Blocking.run {
            try CertificateAuthority.create(for: trustDomain, key: PrivateKey.generate(), asking: upstream, now: now)
        }
    }

    var signed: [DownstreamCertificate] {
        authority.journal.all.compactMap { if case .downstreamSigned(let signed) = $0 { signed } else { nil } }
    }

    var refusals: [CallRefusal] {
        authority.journal.all.compactMap { if case .downstreamRefused(_, let refusal) = $0 { refusal } else { nil } }
    }
}

extension CertificateAuthority {
    /// Of a workload, and its key. Who has a CA has the serial as he likes.
    func workload(_ path: String, serial: [UInt8]? = nil, now: Int64) throws -> KeyedSVID {
        try svid(
            .workload(id: SPIFFEID(trustDomain: trustDomain, path: path), binding: nil),
            serial: serial ?? Self.newSerial(), now: now)
    }

    func svid(_ plan: IssuancePlan, serial: [UInt8], now: Int64) throws -> KeyedSVID {
        let key = try PrivateKey.generate()
        let template = CertificateTemplate(
            plan, for: key.publicKey, authority: certificate, serial: serial, now: now)
        return try KeyedSVID(svid: recheck(sign(template), against: plan, key: key.publicKey, now: now), key: key)
    }
}

extension Certificate {
    var serialBytes: [UInt8] {
        let digits = Array(serialHex)
        return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0..<$0 + 2]), radix: 16) }
    }
}

/// What waits does so on threads that tasks do not run on.
enum Blocking {
    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }
}
