public import OpenSSLBinding

/// How the daemon is known to Vault.
public enum VaultLogin: Sendable {
    /// A token that somebody else made and looks after, such as an agent; read again when Vault no longer takes it.
    case token(@Sendable () throws(VaultSecretError) -> SecretBytes)
    /// The AppRole method mounted at `mount`.
    case appRole(mount: String, roleID: String, secretID: @Sendable () throws(VaultSecretError) -> SecretBytes)
}

/// Why there is no token or secret ID.
public struct VaultSecretError: Error, Sendable, Equatable {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }
}
