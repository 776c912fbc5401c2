import Addressing

extension ConfigurationReader {
    /// Without any of these sections the CA vouches for itself.
    mutating func upstream() -> PodshieldConfiguration.Upstream? {
        let sections = ["upstream-disk", "upstream-vault-pki", "upstream-spire"].filter(hasSection)
        if sections.count > 1 {
            document.report("\(sections.joined(separator: " and ")) both say who is above the CA", at: nil)
        }
        switch sections.first {
        case "upstream-disk": return diskUpstream().map { .disk($0) }
        case "upstream-vault-pki": return vaultPKI().map { .vaultPKI($0) }
        case "upstream-spire": return spireUpstream().map { .spire($0) }
        default: return nil
        }
    }

    private mutating func spireUpstream() -> PodshieldConfiguration.SPIREUpstream? {
        let server = document.required(.upstreamSPIREServer, .endpoint)
        let socket = document.required(.upstreamSPIREWorkloadSocket, .path)
        let hint = document.value(.upstreamSPIREHint, .segment)
        let publishesKeys = document.value(.upstreamSPIREJWTKeys, .bool, default: false)
        guard let server, let socket else { return nil }
        return PodshieldConfiguration.SPIREUpstream(
            server: server, workloadSocket: socket, hint: hint, publishesKeys: publishesKeys)
    }

    /// - Parameters:
    ///   - fallback: where the authority listens.
    ///   - upstream: who signs our CAs: one that is asked gives none that another could be below.
    mutating func downstream(
        orAt fallback: IPAddress?, port: UInt16, below upstream: PodshieldConfiguration.Upstream?
    ) -> PodshieldConfiguration.Downstream? {
        guard hasSection("downstream") else { return nil }
        let address = document.value(.downstreamAddress, .address) ?? fallback
        let ownPort = document.value(.downstreamPort, .port, default: 8081)
        let lifetime = document.value(
            .downstreamCALifetime, .duration(from: "1h", to: "3650d"), default: .seconds(7 * 86400))
        let takesKeys = document.value(.downstreamJWTKeys, .bool, default: false)
        if ownPort == port { document.report("\(port) is the port of the authority too", at: .downstreamPort) }
        switch upstream {
        case nil, .disk: break
        case .vaultPKI, .spire:
            document.report("a CA that is signed on request has no other below it", at: .downstreamPort)
        }
        return address.map {
            PodshieldConfiguration.Downstream(
                address: $0, port: ownPort, caLifetime: lifetime, takesKeys: takesKeys)
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
