extension PodshieldConfiguration {
    /// Where the CA's key is.
    public enum KeyStore: Sendable, Equatable {
        /// The authority makes it and keeps it itself.
        case ownFile
        /// Name of the service manager's credential that holds it.
        case credential(name: String)
        case pkcs11(PKCS11)
        case vault(Vault)
    }

    /// A key in a token behind a PKCS #11 module.
    public struct PKCS11: Sendable, Equatable {
        public var module: String
        /// The token's label.
        public var token: String
        /// One of the two at least.
        public var keyLabel: String?
        public var keyID: [UInt8]?
        public var pin: SecretSource
        /// Make the key when there is none and no CA needs one.
        public var create: Bool
    }

    /// A key in the transit engine of Vault or OpenBao.
    public struct Vault: Sendable, Equatable {
        public var access: VaultAccess
        public var mount: String
        public var key: String
        /// Make the key when there is none and no CA needs one.
        public var create: Bool
    }

    /// Where Vault or OpenBao is, and how the daemon is let in.
    public struct VaultAccess: Sendable, Equatable {
        public var server: Endpoint
        /// PEM file of the roots that alone are trusted.
        public var caFile: String
        public var namespace: String?
        public var login: VaultLogin
    }

    /// How the daemon is known to Vault.
    public enum VaultLogin: Sendable, Equatable {
        case token(SecretSource)
        case appRole(mount: String, roleID: String, secretID: SecretSource)
    }

    /// Where a secret is that must not stand in the configuration.
    public enum SecretSource: Sendable, Equatable {
        /// Open to its owner only.
        case file(path: String)
        /// A file of this name in `$CREDENTIALS_DIRECTORY` (systemd.exec(5), LoadCredential=).
        case credential(name: String)
    }
}
