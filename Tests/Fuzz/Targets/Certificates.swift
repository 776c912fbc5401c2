import Identity
import Issuance
import OpenSSLBinding

/// The binding extension has one encoding.
func fuzzBinding(_ input: [UInt8]) {
    guard let binding = try? PodshieldBinding(der: input) else { return }
    precondition(binding.derEncoded == input)
}

/// A leaf's length (2 bytes), the leaf, and the authority it may be from, judged at a time when the seeds are valid.
func fuzzCertificate(_ input: [UInt8]) {
    guard input.count >= 2 else { return }
    let rest = input.dropFirst(2)
    let length = Int(input[0]) << 8 | Int(input[1])
    let leaf = Array(rest.prefix(length))
    guard let certificate = try? Certificate(der: leaf) else { return }
    precondition(certificate.der == leaf)
    guard let authority = try? Certificate(der: Array(rest.dropFirst(length))),
        let trustDomain = try? TrustDomain("example.org"),
        let bundle = try? TrustBundle(trustDomain: trustDomain, authorities: [authority], sequence: 1),
        let svid = try? SVIDVerifier(bundle: bundle).verify(chainDER: [leaf], at: seedTime)
    else { return }
    precondition(svid.leaf.der == leaf && svid.id.trustDomain == trustDomain)
    precondition(svid.notBefore <= seedTime && seedTime <= svid.notAfter)
}

/// A list's length (2 bytes), the list, and the authority it may be from.
func fuzzRevocationList(_ input: [UInt8]) {
    guard input.count >= 2 else { return }
    let rest = input.dropFirst(2)
    let length = Int(input[0]) << 8 | Int(input[1])
    let der = Array(rest.prefix(length))
    guard let authority = try? Certificate(der: Array(rest.dropFirst(length))),
        let list = try? RevocationList(der: der, of: authority)
    else { return }
    precondition(list.der == der && list.serials.count <= RevocationList.mostCertificates)
    precondition(list.serials.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isHexDigit) })
    precondition(list.thisUpdate <= list.nextUpdate)
}

/// 2026-01-01; `seeds` makes certificates around it.
let seedTime: Int64 = 1_767_225_600

/// A request that is taken has a key that is; one for a CA below ours is one of these, and has the trust domain's name in it.
func fuzzRequest(_ input: [UInt8]) {
    guard let request = try? ProvenRequest(csrDER: input) else {
        guard let trustDomain = try? TrustDomain("example.org") else { preconditionFailure("no trust domain") }
        precondition((try? DownstreamRequest(csrDER: input, for: trustDomain)) == nil)
        return
    }
    precondition(input.count <= ProvenRequest.maximumBytes && KeyPolicy.accepts(request.publicKey.kind))
    guard let trustDomain = try? TrustDomain("example.org"),
        (try? DownstreamRequest(csrDER: input, for: trustDomain)) != nil
    else { return }
    precondition(input.firstRange(of: Array("spiffe://example.org".utf8)) != nil)
}
