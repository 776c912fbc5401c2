import Authority
import Configuration
import HTTPSClient
import OpenSSLBinding
import PKCS11Binding
import SystemdBinding
import Vault

extension KeyStore {
    init(_ store: PodshieldConfiguration.KeyStore) throws(StartError) {
        switch store {
        case .ownFile: self = .ownFile
        case .credential(let name):
            guard let path = ServiceManager.credentialPath(name) else {
                throw .badSetting(
                    key: .authorityKeyCredential, reason: "credential \(name) was not passed by the service manager")
            }
            self = .file(path: path)
        case .pkcs11(let settings): self = .elsewhere(PKCS11KeyStore(settings))
        case .vault(let settings): self = .elsewhere(try VaultKeyStore(settings))
        }
    }
}

extension PKCS11KeyStore {
    fileprivate init(_ settings: PodshieldConfiguration.PKCS11) {
        self.init(
            module: settings.module, token: settings.token, keyLabel: settings.keyLabel, keyID: settings.keyID,
            mayCreate: settings.create
        ) { () throws(PINError) in
            do throws(SecretError) { return try settings.pin.read() } catch { throw PINError("\(error)") }
        }
    }
}

extension VaultKeyStore {
    fileprivate init(_ settings: PodshieldConfiguration.Vault) throws(StartError) {
        self.init(
            server: try HTTPSServer(settings.access, roots: .vaultCAFile), login: VaultLogin(settings.access.login),
            namespace: settings.access.namespace, mount: settings.mount, key: settings.key, mayCreate: settings.create)
    }
}
