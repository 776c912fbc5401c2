public import HTTPSClient
public import Issuance
internal import JOSE
public import OpenSSLBinding

/// An issuer of Vault's PKI engine, or OpenBao's, which is the same, as the authority above ours.
public struct VaultIssuer: UpstreamAuthority {
    private let session: VaultSession
    private let mount: String
    /// Its name or ID; nil for the one that the engine uses by default.
    private let issuer: String?
    public let description: String

    /// - Parameter mount: where the engine is mounted.
    public init(
        server: HTTPSServer, login: VaultLogin, namespace: String? = nil, mount: String, issuer: String? = nil
    ) {
        session = VaultSession(VaultClient(server, namespace: namespace), login)
        self.mount = mount
        self.issuer = issuer
        description = "upstream-vault-pki (\(server.authority), mount \(mount))"
    }

    public func certificates() throws(UpstreamError) -> [Certificate] {
        try wrapped { () throws(VaultError) in
            // Nobody else keeps the token alive between two CAs. Where it is renewed no more the next request has another.
            do throws(VaultError) { try session.keepReady() } catch {
                guard case .status = error else { throw error }
            }
            return try session.ask(.get, "\(mount)/issuer/\(issuer ?? "default")/json")
        }
    }

    public func sign(_ request: AuthorityRequest) throws(UpstreamError) -> [Certificate] {
        try wrapped { () throws(VaultError) in
            try session.ask(
                .post, "\(mount)/\(issuer.map { "issuer/\($0)" } ?? "root")/sign-intermediate",
                JSONObject([
                    "csr": .string(request.pem), "uri_sans": .string(request.uriName), "use_csr_values": .bool(true),
                    "ttl": .string("\(request.seconds)s"), "max_path_length": .integer(0), "format": "pem",
                ]))
        }
    }

    private func wrapped(_ ask: () throws(VaultError) -> JSONObject) throws(UpstreamError) -> [Certificate] {
        do throws(VaultError) { return try VaultCertificates(answer: try ask()).all } catch {
            throw UpstreamError("\(error)")
        }
    }
}
