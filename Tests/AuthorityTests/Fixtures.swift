import Addressing
import AuthorityAPI
import Identity
import Issuance
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import Authority

let trustDomain = try! TrustDomain("example.org")
let start: Int64 = 1_800_000_000

/// A registry in a directory of its own, and a CA to issue with.
struct TestRegistry {
    let directory: TemporaryDirectory
    let registry: Registry
    let authority: CertificateAuthority

    init(limits: DirectoryLimits = DirectoryLimits()) throws {
        directory = try TemporaryDirectory()
        registry = try Registry(path: directory.path + "/authority.sqlite", trustDomain: trustDomain, limits: limits)
        authority = try CertificateAuthority.createRoot(for: trustDomain, now: start)
    }

    func reopened() throws -> Registry { try Registry(path: registry.path, trustDomain: trustDomain) }

    func token(node: String? = nil, lifetime: Int64 = 600) async throws -> JoinToken {
        let token = try JoinToken.generate()
        try await registry.add(token, node: node, expiresAt: start + lifetime, now: start)
        return token
    }

    @discardableResult
    func join(_ token: JoinToken, name: String?, now: Int64 = start, address: String = "192.0.2.1") async throws
        -> NodeRecord
    {
        let joining = Registry.Joining(credential: .token(token), name: name, endpoint: try endpoint(address))
        let granted = try await registry.grantedName(joining, now: now)
        return try await registry.join(joining, with: nodeSVID(granted, authority, now: now), now: now)
    }

    @discardableResult
    func node(_ name: String, address: String = "192.0.2.1") async throws -> NodeRecord {
        try await join(token(), name: name, address: address)
    }
}

func endpoint(_ address: String) throws -> NodeEndpoint {
    NodeEndpoint(address: try #require(IPAddress(address)), linkPort: 4510, espPort: 4500)
}

func nodeSVID(_ name: String, _ authority: CertificateAuthority, now: Int64) throws(JoinRefusal) -> X509SVID {
    do {
        let key = try PrivateKey.generate()
        let request = try ProvenRequest(csrDER: SigningRequest.make(key: key))
        return try authority.sign(request, plan: .node(name, in: trustDomain), now: now)
    } catch {
        throw .badName("\(error)")
    }
}

func pod(
    namespace: String = "shop", serviceAccount: String = "web", name: String = "web-0", labels: [String: String] = [:]
) throws -> PodFacts {
    try PodFacts(namespace: namespace, serviceAccount: serviceAccount, name: name, labels: labels)
}

func id(_ path: String) throws -> SPIFFEID { try SPIFFEID(trustDomain: trustDomain, path: path) }

/// As an authority has them that has one.
func authorities(_ authority: CertificateAuthority) throws -> Authorities {
    let row = AuthorityRow(chain: authority.chain, state: .active, preparedAt: start)
    return Authorities(
        try #require(
            AuthoritySet(
                AuthorityRows(edition: 0, rows: [row]), ownedBy: "", of: [authority],
                health: KeyHealth(observe: { _ in }))))
}
