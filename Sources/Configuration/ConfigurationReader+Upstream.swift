extension ConfigurationReader {
    /// Without any of these sections the CA vouches for itself.
    mutating func upstream() -> PodshieldConfiguration.Upstream? {
        let sections = ["upstream-disk", "upstream-vault-pki"].filter(hasSection)
        if sections.count > 1 {
            document.report("\(sections.joined(separator: " and ")) both say who is above the CA", at: nil)
        }
        switch sections.first {
        case "upstream-disk": return diskUpstream().map { .disk($0) }
        case "upstream-vault-pki": return vaultPKI().map { .vaultPKI($0) }
        default: return nil
        }
    }

    private mutating func diskUpstream() -> PodshieldConfiguration.DiskUpstream? {
        let file = document.required(.upstreamDiskCertificateFile, .path)
        let hasKey = document.has(.upstreamDiskKeyFile) || document.has(.upstreamDiskKeyCredential)
        let key = hasKey ? secret(.upstreamDiskKeyFile, .upstreamDiskKeyCredential) : nil
        return file.map { PodshieldConfiguration.DiskUpstream(certificateFile: $0, key: key) }
    }

    private mutating func vaultPKI() -> PodshieldConfiguration.VaultPKI? {
        let access = vaultAccess(.upstream)
        let mount = document.value(.upstreamVaultPKIMount, .mount, default: "pki")
        let issuer = document.value(.upstreamVaultPKIIssuer, .segment)
        return access.map { PodshieldConfiguration.VaultPKI(access: $0, mount: mount, issuer: issuer) }
    }
}
