/// Both ends of a join: by what a node shows that it may, and what an authority takes.
extension ConfigurationReader {
    mutating func join() -> PodshieldConfiguration.Join? {
        let authorities = document.requiredOneOrMore(.joinAuthority, .endpoint)
        let fingerprints = document.requiredOneOrMore(.joinRootFingerprint, .fingerprint)
        only(
            one: [
                .joinToken, .joinTokenFile, .joinTokenCredential, .joinCertificateFile, .joinClusterTokenFile, .joinTPM,
            ])
        let clusterToken = document.value(.joinClusterTokenFile, .path)
        let tpm = document.value(.joinTPM, .tpm)
        let credential =
            certificate() ?? clusterToken.map { .clusterToken(file: $0) } ?? tpm.map { .tpm($0) }
            ?? token().map { .token($0) }
        guard !authorities.isEmpty, !fingerprints.isEmpty else { return nil }
        return PodshieldConfiguration.Join(
            authorities: authorities, rootFingerprints: fingerprints, credential: credential)
    }

    private mutating func token() -> PodshieldConfiguration.TokenSource? {
        if let text = document.value(.joinToken, .token) { return .text(text) }
        if let path = document.value(.joinTokenFile, .path) { return .file(path: path) }
        return document.value(.joinTokenCredential, .segment).map { .credential(name: $0) }
    }

    private mutating func certificate() -> PodshieldConfiguration.JoinCredential? {
        guard document.has(.joinCertificateFile) else {
            for key in [ConfigurationKey.joinKeyFile, .joinKeyCredential] where document.has(key) {
                document.report("says nothing without certificate-file", at: key)
            }
            return nil
        }
        let file = document.value(.joinCertificateFile, .path)
        guard let key = secret(.joinKeyFile, .joinKeyCredential), let file else { return nil }
        return .certificate(file: file, key: key)
    }

    mutating func machineCertificates() -> PodshieldConfiguration.MachineCertificates? {
        guard hasSection("x509pop") else { return nil }
        let caFile = document.required(.x509popCAFile, .path)
        let name = document.value(.x509popNodeName, .word, default: PodshieldConfiguration.CertificateName.commonName)
        let allowNewKey = document.value(.x509popAllowNewKey, .bool, default: false)
        return caFile.map {
            PodshieldConfiguration.MachineCertificates(caFile: $0, name: name, allowNewKey: allowNewKey)
        }
    }

    mutating func tpms() -> PodshieldConfiguration.TPMs? {
        guard hasSection("tpm") else { return nil }
        let keysFile = document.value(.tpmKeysFile, .path)
        let caFile = document.value(.tpmCAFile, .path)
        if !document.has(.tpmKeysFile), !document.has(.tpmCAFile) {
            document.report("is missing, and so is ca-file: whose TPMs let a node join?", at: .tpmKeysFile)
        }
        var registers: [Int: [UInt8]] = [:]
        for register in document.list(.tpmRegisters, .platformRegister)
        where registers.updateValue(register.value, forKey: register.number) != nil {
            document.report("has register \(register.number) twice", at: .tpmRegisters)
        }
        return PodshieldConfiguration.TPMs(keysFile: keysFile, caFile: caFile, registers: registers)
    }

    mutating func cluster() -> PodshieldConfiguration.Cluster? {
        guard hasSection("kubernetes") else { return nil }
        let server = document.required(.kubernetesServer, .endpoint)
        let caFile = document.required(.kubernetesCAFile, .path)
        let tokenFile = document.required(.kubernetesTokenFile, .path)
        let audience = document.value(.kubernetesAudience, .audience, default: "podshield")
        let accounts = document.list(.kubernetesServiceAccounts, .serviceAccount)
        if !document.has(.kubernetesServiceAccounts) || document.isEmptyList(.kubernetesServiceAccounts) {
            document.report("is missing: whose tokens let a node join?", at: .kubernetesServiceAccounts)
        }
        guard let server, let caFile, let tokenFile else { return nil }
        return PodshieldConfiguration.Cluster(
            server: server, caFile: caFile, tokenFile: tokenFile, audience: audience, serviceAccounts: accounts)
    }
}
