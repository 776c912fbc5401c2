import Authority
import Configuration
import HTTPSClient
import Identity
import OpenSSLBinding
import SPIREUpstream
import Vault

extension Upstream {
    init(_ settings: PodshieldConfiguration.Upstream, of trustDomain: TrustDomain) throws(StartError) {
        switch settings {
        case .disk(let disk): try self.init(disk)
        case .vaultPKI(let vault): self = .asked(try VaultIssuer(vault))
        case .spire(let spire): self = .asked(try SPIREServer(spire, of: trustDomain))
        }
    }

    private init(_ settings: PodshieldConfiguration.DiskUpstream) throws(StartError) {
        let chain = try Certificate.roots(in: settings.certificateFile, of: .upstreamDiskCertificateFile)
        self = .held(chain: chain) { () throws(UpstreamKeyError) in
            guard let source = settings.key else {
                throw UpstreamKeyError("neither upstream-disk.key-file nor key-credential is set")
            }
            let pem: SecretBytes
            do throws(SecretError) { pem = try source.read() } catch { throw UpstreamKeyError("\(error)") }
            do throws(OpenSSLError) { return try PrivateKey(pem: pem) } catch { throw UpstreamKeyError("\(error)") }
        }
    }
}

extension SPIREServer {
    fileprivate init(
        _ settings: PodshieldConfiguration.SPIREUpstream, of trustDomain: TrustDomain
    ) throws(StartError) {
        do throws(SPIFFEIDError) {
            try self.init(
                trustDomain, host: settings.server.host, port: settings.server.port,
                workloadSocket: settings.workloadSocket, hint: settings.hint, publishesKeys: settings.publishesKeys,
                now: WallClock.seconds)
        } catch {
            throw .badSetting(key: .trustDomain, reason: "\(error)")
        }
    }
}

extension VaultIssuer {
    fileprivate init(_ settings: PodshieldConfiguration.VaultPKI) throws(StartError) {
        self.init(
            server: try HTTPSServer(settings.access, roots: .upstreamVaultPKICAFile),
            login: VaultLogin(settings.access.login), namespace: settings.access.namespace, mount: settings.mount,
            issuer: settings.issuer)
    }
}
