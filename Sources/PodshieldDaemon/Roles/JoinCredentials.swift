import Authority
import Configuration
import Foundation
import KubernetesReview
import LinuxBinding
import NodeIdentity
import OpenSSLBinding
import TPMBinding

extension JoinCredential {
    /// Reads what the configuration says, as it is now.
    init(_ credential: PodshieldConfiguration.JoinCredential?) throws(StartError) {
        switch credential {
        case .certificate(let file, let key):
            let chain = try Certificate.chain(in: file, of: .joinCertificateFile)
            self = .certificate(chain: chain, key: try Self.key(of: chain[0], in: key))
        case .clusterToken(let file): self = .clusterToken(try Self.clusterToken(file))
        case .tpm(let configuration): self = .tpm(TPMDevice(configuration: configuration))
        case .token(let source): self = .token(try Self.token(source))
        case nil: self = .token(try Self.token(nil))
        }
    }

    private static func token(_ source: PodshieldConfiguration.TokenSource?) throws(StartError) -> String {
        do throws(TokenError) { return try JoinToken(source: source).read() } catch { throw .noToken(error) }
    }

    /// Its mode is the kubelet's business.
    private static func clusterToken(_ path: String) throws(StartError) -> String {
        do throws(SystemError) {
            let text = try AtomicFile.read(path, limit: TokenReviewer.longestToken)
            return String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        } catch {
            throw .badSetting(key: .joinClusterTokenFile, reason: "\(error)")
        }
    }

    private static func key(
        of leaf: Certificate, in source: PodshieldConfiguration.SecretSource
    ) throws(StartError) -> PrivateKey {
        let setting =
            if case .file = source { ConfigurationKey.joinKeyFile } else { ConfigurationKey.joinKeyCredential }
        let pem: SecretBytes
        do throws(SecretError) { pem = try source.read() } catch {
            throw .badSetting(key: setting, reason: "\(error)")
        }
        let key: PrivateKey
        do throws(OpenSSLError) { key = try PrivateKey(pem: pem) } catch {
            throw .badSetting(key: setting, reason: "\(error)")
        }
        guard key.publicKey == leaf.publicKey else {
            throw .badSetting(key: setting, reason: "it is not the key of the first certificate")
        }
        return key
    }
}

extension MachineCertificates {
    init(_ settings: PodshieldConfiguration.MachineCertificates) throws(StartError) {
        let naming: Naming =
            switch settings.name {
            case .commonName: .commonName
            case .dnsName: .dnsName
            }
        self.init(
            roots: try Certificate.roots(in: settings.caFile, of: .x509popCAFile), naming: naming,
            mayChangeKey: settings.allowNewKey)
    }
}
