import Identity
import Issuance
import JOSE
import OpenSSLBinding
import SPIREAPI
import SPIREUpstream
import SwiftProtobuf

/// The bundle that a server of SPIRE tells, whose keys are also what an authority below one of ours publishes. What is read are keys that
/// leave no choice of the algorithm, each under an ID of its own, and byte for byte what was told; a bundle takes them.
func fuzzSPIREBundle(_ input: [UInt8]) {
    guard let trustDomain = try? TrustDomain("example.org"),
        let message = try? Spire_Api_Types_Bundle(serializedBytes: input),
        let told = try? ToldKeys(message, of: trustDomain)
    else { return }
    precondition(message.trustDomain == "example.org" && told.keys.count <= ToldKeys.most)
    for key in told.keys {
        let der = key.authority.key.subjectPublicKeyInfo
        precondition(der.count <= JWTAuthority.longestPKIX && key.notAfter >= 0)
        precondition(key.authority.algorithm != nil && key.authority.key.isConsistent)
        precondition(message.jwtAuthorities.contains { $0.keyID == key.authority.keyID && Array($0.publicKey) == der })
    }
    let few = told.keys.prefix(JWTBundle.mostAuthorities).map(\.authority)
    precondition(JWTBundle(trustDomain: trustDomain, authorities: few, sequence: 1) != nil)
}
