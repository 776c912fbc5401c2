import Identity
import Issuance
import OpenSSLBinding

/// The authority's own part of an SVID: the request is checked, the certificate signed and verified again.
struct Signing {
    private let domain: BenchmarkDomain
    private let request: [UInt8]
    private let plan: IssuancePlan

    init() throws {
        domain = try BenchmarkDomain()
        request = try SigningRequest.make(key: PrivateKey.generate(.ecP256))
        let binding = try PodshieldBinding(
            node: ReservedNames.node("node-a", in: domain.name), identity: .firstWorkload)
        plan = try .workload(id: SPIFFEID(trustDomain: domain.name, path: "/ns/shop/sa/web"), binding: binding)
    }

    func rate(for duration: Duration) throws -> Double {
        try turnsPerSecond(for: duration) {
            _ = try domain.authority.sign(ProvenRequest(csrDER: request), plan: plan, now: domain.now)
        }
    }
}
