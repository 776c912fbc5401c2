import Foundation
public import Identity
public import JOSE
import OpenSSLBinding

extension Podshield_Authority_V1_JWTBundle {
    public init(_ bundle: JWTBundle) {
        self.init()
        keys = bundle.authorities.map(Podshield_Authority_V1_JWTKey.init)
        sequence = bundle.sequence
    }

    /// Nil unless each of its keys leaves no choice of the algorithm and has an ID of its own.
    public func parsed(in trustDomain: TrustDomain) -> JWTBundle? {
        let authorities = keys.compactMap(\.parsed)
        guard authorities.count == keys.count else { return nil }
        return JWTBundle(trustDomain: trustDomain, authorities: authorities, sequence: sequence)
    }
}

extension Podshield_Authority_V1_JWTKey {
    init(_ authority: JWTAuthority) {
        self.init()
        keyID = authority.keyID
        publicKey = Data(authority.key.subjectPublicKeyInfo)
        tainted = authority.isTainted
    }

    var parsed: JWTAuthority? {
        guard let key = try? PublicKey(subjectPublicKeyInfo: Array(publicKey)),
            let algorithm = JWSAlgorithm(signingWith: key.kind)
        else { return nil }
        var authority = JWTAuthority(keyID: keyID, key: key, algorithm: algorithm)
        authority?.isTainted = tainted
        return authority
    }
}
