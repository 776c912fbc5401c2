import Configuration
import HTTPSClient
import OpenSSLBinding
import Vault

extension HTTPSServer {
    /// - Parameter key: the setting that names the file with the roots.
    init(_ access: PodshieldConfiguration.VaultAccess, roots key: ConfigurationKey) throws(StartError) {
        self.init(
            host: access.server.host, port: access.server.port,
            roots: try Certificate.roots(in: access.caFile, of: key),
            now: WallClock.seconds)
    }
}

extension VaultLogin {
    init(_ login: PodshieldConfiguration.VaultLogin) {
        switch login {
        case .token(let source): self = .token { () throws(VaultSecretError) in try source.readForVault() }
        case .appRole(let mount, let roleID, let source):
            self = .appRole(mount: mount, roleID: roleID) { () throws(VaultSecretError) in try source.readForVault() }
        }
    }
}

extension PodshieldConfiguration.SecretSource {
    fileprivate func readForVault() throws(VaultSecretError) -> SecretBytes {
        do throws(SecretError) { return try read() } catch { throw VaultSecretError("\(error)") }
    }
}
