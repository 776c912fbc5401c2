public import AuthorityAPI
public import Identity
public import OpenSSLBinding
public import TrustedPlatform

/// What a node's identity service is told.
public struct NodeIdentitySettings: Sendable {
    public var trustDomain: TrustDomain
    /// Holds what lets the node come back without a token.
    public var stateDirectory: String
    /// That the private keys in it are sealed by, as random as a key is; nil leaves them to the modes of their files.
    public var stateKey: SecretBytes?
    /// Where other nodes reach this one.
    public var endpoint: NodeEndpoint
    /// `host:port` of authorities that share a registry, or of one: tried one after another. Empty for the one joined at.
    public var authorityAddresses: [String] = []
    /// What a node that joined by its TPM renews by.
    public var tpm: (any TPMSource)?
    /// Of workloads' keys.
    public var keyAlgorithm = KeyAlgorithm.ecP256
    /// How long a call waits for the authority before it gives up.
    public var patience = Duration.seconds(10)

    public init(trustDomain: TrustDomain, stateDirectory: String, endpoint: NodeEndpoint) {
        self.trustDomain = trustDomain
        self.stateDirectory = stateDirectory
        self.endpoint = endpoint
    }
}

/// Time and chance, so that tests can be in charge of both.
public struct NodeClock: Sendable {
    /// Seconds since 1970.
    public var now: @Sendable () -> Int64
    public var sleep: @Sendable (Duration) async throws -> Void
    /// Evenly from 0 up to, but not including, 1.
    public var random: @Sendable () -> Double

    /// Real sleep and chance.
    public init(
        now: @escaping @Sendable () -> Int64,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.now = now
        self.sleep = sleep
        self.random = random
    }
}
