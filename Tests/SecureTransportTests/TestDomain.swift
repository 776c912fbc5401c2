import Foundation
import Identity
import Issuance
import OpenSSLBinding
import SecureTransport

/// A trust domain with its authority, and identities in it at will.
struct TestDomain {
    static let now = Int64(Date().timeIntervalSince1970)
    let name: TrustDomain
    let authority: CertificateAuthority

    init(_ name: String = "td") throws {
        self.name = try TrustDomain(name)
        authority = try CertificateAuthority.createRoot(for: self.name, now: Self.now)
    }

    func node(_ name: String, lifetime: Duration = .seconds(600), key: KeyAlgorithm = .ecP256) throws -> KeyedSVID {
        try issue(.node(name, in: self.name, lifetime: lifetime), key)
    }

    func server(_ name: String = "main") throws -> KeyedSVID { try issue(.authority(name, in: self.name)) }

    func workload() throws -> KeyedSVID {
        try issue(.workload(id: SPIFFEID("spiffe://\(name)/ns/shop/sa/web"), binding: nil))
    }

    private func issue(_ plan: IssuancePlan, _ algorithm: KeyAlgorithm = .ecP256) throws -> KeyedSVID {
        let key = try PrivateKey.generate(algorithm)
        let request = try ProvenRequest(csrDER: SigningRequest.make(key: key))
        return try KeyedSVID(svid: authority.sign(request, plan: plan, now: Self.now), key: key)
    }

    func id(_ path: String) throws -> SPIFFEID { try SPIFFEID(trustDomain: name, path: path) }

    /// The identity of an end that presents `svid` and trusts this domain, its clock `offset` seconds ahead.
    func identity(_ svid: KeyedSVID?, clockOffset offset: Int64 = 0) -> TransportIdentity {
        let bundle = authority.bundle
        return TransportIdentity(current: { svid }, bundle: { bundle }, now: { Self.now + offset })
    }
}
