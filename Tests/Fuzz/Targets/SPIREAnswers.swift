import Identity
import OpenSSLBinding
import SPIREAPI
import SPIREUpstream
import SwiftProtobuf

/// A root's length (2 bytes), the root that a Workload API names, and what a server of SPIRE answers when it has signed. What is read begins
/// with no root, is no more than a chain, and ends with that root and no other.
func fuzzSPIREAnswer(_ input: [UInt8]) {
    guard input.count >= 2 else { return }
    let rest = input.dropFirst(2)
    let length = Int(input[0]) << 8 | Int(input[1])
    guard let root = try? Certificate(der: Array(rest.prefix(length))),
        let trustDomain = try? TrustDomain("example.org"),
        let bundle = try? TrustBundle(trustDomain: trustDomain, authorities: [root], sequence: 1),
        let answer = try? Spire_Api_Server_Svid_V1_NewDownstreamX509CAResponse(
            serializedBytes: Array(rest.dropFirst(length))),
        let read = try? SignedAuthority(answer, trusting: bundle)
    else { return }
    precondition((2...SVIDVerifier.maximumIntermediates + 1).contains(read.certificates.count))
    precondition(read.certificates.last == root && !read.certificates.dropLast().contains(root))
    precondition(read.certificates.dropLast().contains { $0.issuer == root.subject })
}
