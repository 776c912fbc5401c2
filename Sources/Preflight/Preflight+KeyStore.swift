import Configuration
import Glibc
import LinuxBinding
import Telemetry

extension Preflight {
    /// What can be seen of the place of the CA's key without using it: a PIN that is shown to a token for a test may be the
    /// one too many.
    func ofKeyStore(_ store: PodshieldConfiguration.KeyStore) -> [Obstacle] {
        switch store {
        case .ownFile, .credential: []
        case .pkcs11(let token): readable("the module", token.module) + secret(token.pin)
        case .vault(let vault): of(vault.access)
        }
    }

    /// What is needed to have a CA signed from above; certificates that are on disk are looked at with all others.
    func ofUpstream(_ upstream: PodshieldConfiguration.Upstream?) -> [Obstacle] {
        switch upstream {
        case nil, .disk: []
        case .vaultPKI(let vault): of(vault.access)
        case .spire(let spire): socket(spire.workloadSocket)
        }
    }

    private func socket(_ path: String) -> [Obstacle] {
        guard unsafe access(path, W_OK) != 0 else { return [] }
        let reason = unsafe String(cString: strerror(errno))
        return [
            Obstacle(.caKeyAway, "the Workload API at \(path), which the CA is signed by, cannot be asked: \(reason)")
        ]
    }

    private func of(_ vault: PodshieldConfiguration.VaultAccess) -> [Obstacle] {
        readable("Vault's roots", vault.caFile) + secret(vault.login)
    }

    private func readable(_ what: String, _ path: String) -> [Obstacle] {
        guard unsafe access(path, R_OK) != 0 else { return [] }
        return [Obstacle(.caKeyAway, "\(what), \(path), cannot be read: \(unsafe String(cString: strerror(errno)))")]
    }

    private func secret(_ login: PodshieldConfiguration.VaultLogin) -> [Obstacle] {
        switch login {
        case .token(let source), .appRole(_, _, let source): secret(source)
        }
    }

    /// Credentials are there only for the service.
    private func secret(_ source: PodshieldConfiguration.SecretSource) -> [Obstacle] {
        guard case .file(let path) = source else { return [] }
        do throws(PrivateFileError) { _ = try PrivateFile(opening: path) } catch {
            return [Obstacle(.caKeyAway, "the secret for the token or Vault cannot be used: \(error)")]
        }
        return []
    }
}
