package import Identity
package import Issuance
package import OpenSSLBinding
package import SPIREAPI

/// What a server answers when it has signed: the CA, those between it and a root, and the root among those that the Workload API names.
/// What the server itself calls roots is passed over: only the node has been shown who it is. Not checked in any other way.
package struct SignedAuthority: Sendable {
    package let certificates: [Certificate]

    /// Of an answer.
    package static let mostBytes = 256 << 10

    package init(
        _ answer: Spire_Api_Server_Svid_V1_NewDownstreamX509CAResponse, trusting bundle: TrustBundle
    ) throws(UpstreamError) {
        let chain = answer.caCertChain
        guard !chain.isEmpty else { throw UpstreamError("the server's answer has no certificate") }
        guard chain.count <= SVIDVerifier.maximumIntermediates,
            chain.reduce(0, { $0 + $1.count }) <= SVIDVerifier.maximumBytes
        else { throw UpstreamError("the server's answer has more certificates than a chain may have") }
        var certificates: [Certificate] = []
        for der in chain {
            do throws(OpenSSLError) { certificates.append(try Certificate(der: Array(der))) } catch {
                throw UpstreamError("a certificate in the server's answer cannot be read: \(error)")
            }
        }
        // Some show the root too.
        let roots = bundle.authorities
        certificates.removeAll { roots.contains($0) }
        guard !certificates.isEmpty else { throw UpstreamError("the server's answer has no certificate but roots") }
        let above = roots.filter { root in certificates.contains { $0.issuer == root.subject } }
        guard !above.isEmpty else {
            throw UpstreamError("the server's answer leads to no root that the Workload API names")
        }
        self.certificates = certificates + above
    }
}
