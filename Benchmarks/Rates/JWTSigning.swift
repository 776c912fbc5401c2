import Identity
import Issuance
import JOSE

/// The authority's own part of a JWT-SVID: the token is signed and read again.
struct JWTSigning {
    private let now: Int64
    private let key: JWTSigningKey
    private let plan: JWTSVIDPlan

    init() throws {
        let domain = try BenchmarkDomain()
        now = domain.now
        key = try JWTSigningKey.generate(for: domain.name, notAfter: now + 86400)
        plan = try JWTSVIDPlan(
            id: SPIFFEID(trustDomain: domain.name, path: "/ns/shop/sa/web"), audience: JWTAudience(["orders"]))
    }

    func rate(for duration: Duration) throws -> Double {
        try turnsPerSecond(for: duration) { _ = try key.sign(plan, now: now) }
    }
}
