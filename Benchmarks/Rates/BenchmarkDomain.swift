import Foundation
import Identity
import Issuance
import OpenSSLBinding
import SecureTransport

/// A trust domain with its authority, at one moment.
struct BenchmarkDomain {
    let now = Int64(Date().timeIntervalSince1970)
    let name: TrustDomain
    let authority: CertificateAuthority

    init() throws {
        name = try TrustDomain("example.org")
        authority = try CertificateAuthority.createRoot(for: name, now: now)
    }

    func node(_ name: String) throws -> KeyedSVID {
        let key = try PrivateKey.generate(.ecP256)
        let request = try ProvenRequest(csrDER: SigningRequest.make(key: key))
        return try KeyedSVID(svid: authority.sign(request, plan: .node(name, in: self.name), now: now), key: key)
    }

    /// The identity of an end that presents `svid` and trusts this domain.
    func identity(_ svid: KeyedSVID) -> TransportIdentity {
        TransportIdentity(
            current: { svid }, bundle: { [bundle = authority.bundle] in bundle }, now: { [now] in now })
    }
}
