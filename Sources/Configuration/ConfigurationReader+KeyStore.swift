extension ConfigurationReader {
    /// What the configuration speaks of decides; without any of it the key is a file of the authority's own.
    mutating func keyStore() -> PodshieldConfiguration.KeyStore? {
        let credential = document.value(.authorityKeyCredential, .segment)
        let sections = ["pkcs11", "vault"].filter(hasSection)
        if sections.count > 1 || (!sections.isEmpty && credential != nil) {
            let places = sections + (credential == nil ? [] : [ConfigurationKey.authorityKeyCredential.rawValue])
            document.report("\(places.joined(separator: " and ")) both say where the CA's key is", at: nil)
        }
        switch sections.first {
        case "pkcs11": return pkcs11().map { .pkcs11($0) }
        case "vault": return vault().map { .vault($0) }
        default: return credential.map { .credential(name: $0) } ?? .ownFile
        }
    }

    mutating func upstream() -> PodshieldConfiguration.DiskUpstream? {
        guard hasSection("upstream-disk") else { return nil }
        let file = document.required(.upstreamDiskCertificateFile, .path)
        let hasKey = document.has(.upstreamDiskKeyFile) || document.has(.upstreamDiskKeyCredential)
        let key = hasKey ? secret(.upstreamDiskKeyFile, .upstreamDiskKeyCredential) : nil
        return file.map { PodshieldConfiguration.DiskUpstream(certificateFile: $0, key: key) }
    }

    func hasSection(_ section: String) -> Bool {
        ConfigurationKey.allCases.contains { $0.section == section && document.has($0) }
    }

    private mutating func pkcs11() -> PodshieldConfiguration.PKCS11? {
        let module = document.required(.pkcs11Module, .path)
        let token = document.required(.pkcs11Token, .tokenLabel)
        let (label, id) = (document.value(.pkcs11KeyLabel, .keyLabel), document.value(.pkcs11KeyID, .keyID))
        if !document.has(.pkcs11KeyLabel), !document.has(.pkcs11KeyID) {
            document.report("is missing, and so is key-id", at: .pkcs11KeyLabel)
        }
        let pin = secret(.pkcs11PINFile, .pkcs11PINCredential)
        let create = document.value(.pkcs11Create, .bool, default: false)
        guard let module, let token, let pin else { return nil }
        return PodshieldConfiguration.PKCS11(
            module: module, token: token, keyLabel: label, keyID: id, pin: pin, create: create)
    }

    private mutating func vault() -> PodshieldConfiguration.Vault? {
        let server = document.required(.vaultServer, .endpoint)
        let caFile = document.required(.vaultCAFile, .path)
        let key = document.required(.vaultKey, .segment)
        let mount = document.value(.vaultMount, .mount, default: "transit")
        let namespace = document.value(.vaultNamespace, .mount)
        let create = document.value(.vaultCreate, .bool, default: false)
        let login = vaultLogin()
        guard let server, let caFile, let key, let login else { return nil }
        return PodshieldConfiguration.Vault(
            server: server, caFile: caFile, login: login, namespace: namespace, mount: mount, key: key, create: create)
    }

    /// A token, unless there is a role.
    private mutating func vaultLogin() -> PodshieldConfiguration.VaultLogin? {
        guard document.has(.vaultRoleID) else {
            for key in [ConfigurationKey.vaultSecretIDFile, .vaultSecretIDCredential] where document.has(key) {
                document.report("says nothing without role-id", at: key)
            }
            return secret(.vaultTokenFile, .vaultTokenCredential).map { .token($0) }
        }
        for key in [ConfigurationKey.vaultTokenFile, .vaultTokenCredential] where document.has(key) {
            document.report("stands beside vault.role-id; only one may", at: key)
        }
        let role = document.value(.vaultRoleID, .segment)
        let mount = document.value(.vaultRoleMount, .mount, default: "approle")
        guard let secret = secret(.vaultSecretIDFile, .vaultSecretIDCredential), let role else { return nil }
        return .appRole(mount: mount, roleID: role, secretID: secret)
    }

    /// In one of the two; reports when it is in neither.
    mutating func secret(
        _ file: ConfigurationKey, _ credential: ConfigurationKey
    ) -> PodshieldConfiguration.SecretSource? {
        only(one: [file, credential])
        if document.has(file) { return document.value(file, .path).map { .file(path: $0) } }
        guard document.has(credential) else {
            document.report("is missing, and so is \(credential.name)", at: file)
            return nil
        }
        return document.value(credential, .segment).map { .credential(name: $0) }
    }
}
