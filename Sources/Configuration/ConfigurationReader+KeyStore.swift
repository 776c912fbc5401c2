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
        let access = vaultAccess(.transit)
        let key = document.required(.vaultKey, .segment)
        let mount = document.value(.vaultMount, .mount, default: "transit")
        let create = document.value(.vaultCreate, .bool, default: false)
        guard let access, let key else { return nil }
        return PodshieldConfiguration.Vault(access: access, mount: mount, key: key, create: create)
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
