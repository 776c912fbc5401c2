package import Identity
package import Issuance
internal import JOSE
package import SPIREAPI

/// The keys for JWT-SVIDs in a bundle that a server tells: those that we can use. Others are passed over, as in a JWKS.
package struct ToldKeys: Sendable {
    package let keys: [PublishedKey]

    /// More than a trust domain has.
    package static let most = 128

    package init(_ bundle: Spire_Api_Types_Bundle, of trustDomain: TrustDomain) throws(UpstreamError) {
        guard bundle.trustDomain == trustDomain.name else {
            throw UpstreamError("the server's bundle is another trust domain's")
        }
        guard bundle.jwtAuthorities.count <= Self.most else {
            throw UpstreamError("the server's bundle has too many keys")
        }
        var keys: [PublishedKey] = []
        for message in bundle.jwtAuthorities {
            guard var authority = JWTAuthority(keyID: message.keyID, pkix: Array(message.publicKey)),
                message.expiresAt >= 0, !keys.contains(where: { $0.authority.keyID == authority.keyID })
            else { continue }
            authority.isTainted = message.tainted
            keys.append(PublishedKey(authority: authority, notAfter: message.expiresAt))
        }
        self.keys = keys
    }
}
