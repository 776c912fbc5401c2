import Foundation
import Identity
import JOSE
import OpenSSLBinding

/// A token as it is, which nobody but us could have signed; or header and claims with a line feed between them, under a
/// signature that holds.
func fuzzJWT(_ input: [UInt8]) {
    guard let kind = input.first else { return }
    let content = input.dropFirst()
    if kind % 2 == 0 {
        let svid = try? verifier.verify(String(decoding: content, as: UTF8.self), audience: audience, at: now)
        return precondition(svid == nil)
    }
    let parts = content.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let svid = try? verifier.verify(sign(parts[0], parts[1]), audience: audience, at: now)
    else {
        return
    }
    precondition(svid.expiresAt > now && svid.audience.contains { $0.utf8.elementsEqual(audience.utf8) })
    precondition(svid.id.trustDomain == bundle.trustDomain && !svid.id.path.isEmpty)
    checkSecondOpinion(header: Data(parts[0]), claims: Data(parts[1]), svid)
}

/// Foundation reads more than we do; what both read is the same.
private func checkSecondOpinion(header: Data, claims: Data, _ svid: JWTSVID) {
    if let header = try? JSONSerialization.jsonObject(with: header) as? [String: Any] {
        precondition(Set(header.keys).isSubset(of: ["alg", "kid", "typ"]) && header["alg"] as? String == "ES256")
    }
    if let claims = try? JSONSerialization.jsonObject(with: claims) as? [String: Any] {
        precondition(claims["sub"] as? String == svid.id.description)
        precondition((claims["exp"] as? NSNumber)?.int64Value == svid.expiresAt)
    }
}

private func sign(_ header: ArraySlice<UInt8>, _ claims: ArraySlice<UInt8>) -> String {
    let input = "\(Base64.url.encode(header)).\(Base64.url.encode(claims))"
    return "\(input).\(Base64.url.encode(try! JWSAlgorithm.es256.sign(Array(input.utf8), with: key)))"
}

/// `seeds` knows these.
private let now: Int64 = 1_767_225_600
private let audience = "db"
private let keyID = "k"

private let key: PrivateKey = {
    do { return try PrivateKey.generate() } catch { fatalError("\(error)") }
}()
private let bundle: JWTBundle = {
    guard let trustDomain = try? TrustDomain("example.org"),
        let authority = JWTAuthority(keyID: keyID, key: key.publicKey),
        let bundle = JWTBundle(trustDomain: trustDomain, authorities: [authority], sequence: 1)
    else { fatalError("P-256 signs tokens") }
    return bundle
}()
private let verifier = JWTSVIDVerifier(bundles: [bundle])

/// A bundle document that is taken says the same when it is written and read again.
func fuzzJWKS(_ input: [UInt8]) {
    guard let document = try? BundleDocument(parsing: input, of: bundle.trustDomain) else { return }
    precondition(Set(document.jwtBundle.authorities.map(\.keyID)).count == document.jwtBundle.authorities.count)
    precondition(document.bundle.trustDomain == bundle.trustDomain)
    let again = try! BundleDocument(parsing: Array(document.encoded.utf8), of: bundle.trustDomain)
    precondition(again.bundle.authorities == document.bundle.authorities)
    precondition(again.jwtBundle.authorities == document.jwtBundle.authorities)
    precondition(again.refreshHint == document.refreshHint && again.sequence == document.sequence)
}
