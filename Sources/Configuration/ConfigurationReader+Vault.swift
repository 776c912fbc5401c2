/// By which keys a section says where Vault is, and how the daemon is let in.
struct VaultKeys {
    let server, caFile, namespace, tokenFile, tokenCredential: ConfigurationKey
    let roleID, roleMount, secretIDFile, secretIDCredential: ConfigurationKey

    static let transit = VaultKeys(
        server: .vaultServer, caFile: .vaultCAFile, namespace: .vaultNamespace, tokenFile: .vaultTokenFile,
        tokenCredential: .vaultTokenCredential, roleID: .vaultRoleID, roleMount: .vaultRoleMount,
        secretIDFile: .vaultSecretIDFile, secretIDCredential: .vaultSecretIDCredential)

    static let upstream = VaultKeys(
        server: .upstreamVaultPKIServer, caFile: .upstreamVaultPKICAFile, namespace: .upstreamVaultPKINamespace,
        tokenFile: .upstreamVaultPKITokenFile, tokenCredential: .upstreamVaultPKITokenCredential,
        roleID: .upstreamVaultPKIRoleID, roleMount: .upstreamVaultPKIRoleMount,
        secretIDFile: .upstreamVaultPKISecretIDFile, secretIDCredential: .upstreamVaultPKISecretIDCredential)
}

extension ConfigurationReader {
    mutating func vaultAccess(_ keys: VaultKeys) -> PodshieldConfiguration.VaultAccess? {
        let server = document.required(keys.server, .endpoint)
        let caFile = document.required(keys.caFile, .path)
        let namespace = document.value(keys.namespace, .mount)
        let login = vaultLogin(keys)
        guard let server, let caFile, let login else { return nil }
        return PodshieldConfiguration.VaultAccess(server: server, caFile: caFile, namespace: namespace, login: login)
    }

    /// A token, unless there is a role.
    private mutating func vaultLogin(_ keys: VaultKeys) -> PodshieldConfiguration.VaultLogin? {
        guard document.has(keys.roleID) else {
            for key in [keys.secretIDFile, keys.secretIDCredential] where document.has(key) {
                document.report("says nothing without role-id", at: key)
            }
            return secret(keys.tokenFile, keys.tokenCredential).map { .token($0) }
        }
        for key in [keys.tokenFile, keys.tokenCredential] where document.has(key) {
            document.report("stands beside \(keys.roleID.rawValue); only one may", at: key)
        }
        let role = document.value(keys.roleID, .segment)
        let mount = document.value(keys.roleMount, .mount, default: "approle")
        guard let secret = secret(keys.secretIDFile, keys.secretIDCredential), let role else { return nil }
        return .appRole(mount: mount, roleID: role, secretID: secret)
    }
}
