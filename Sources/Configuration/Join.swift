extension PodshieldConfiguration {
    /// How a node without an authority of its own finds one.
    public struct Join: Sendable, Equatable {
        /// At least one; several where they share a registry.
        public var authorities: [Endpoint]
        /// SHA-256 of the authority's root certificate, 64 lower-case hexadecimal digits; several while one root follows another.
        public var rootFingerprints: [String]
        /// A token is needed for the first start only.
        public var credential: JoinCredential?
    }

    /// By what a node shows that it may join.
    public enum JoinCredential: Sendable, Equatable {
        case token(TokenSource)
        /// PEM files: a machine's certificate with those that issued it, leaf first, and its key.
        case certificate(file: String, key: SecretSource)
        /// What a Kubernetes cluster gave a pod on the node, and exchanges from time to time.
        case clusterToken(file: String)
        /// The machine's TPM, as tss2-tctildr(7) has it.
        case tpm(String)
    }

    /// Where the one-time secret is. Never prints it.
    public enum TokenSource: Sendable, Equatable {
        case text(String)
        case file(path: String)
        /// A file of this name in `$CREDENTIALS_DIRECTORY` (systemd.exec(5), LoadCredential=).
        case credential(name: String)
    }
}

extension PodshieldConfiguration.Join {
    /// Whether it joins by itself as often as it has to.
    public var isRepeatable: Bool {
        switch credential {
        case .certificate, .clusterToken, .tpm: true
        case .token, nil: false
        }
    }
}

extension PodshieldConfiguration.JoinCredential {
    /// Where the kernel has the TPM; nil for one that is reached in another way, and for other credentials.
    public var tpmDevice: String? {
        guard case .tpm(let configuration) = self, configuration.hasPrefix("device:") else { return nil }
        return String(configuration.dropFirst("device:".count))
    }
}

extension PodshieldConfiguration.TokenSource: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        switch self {
        case .text: "a token in the configuration"
        case .file(let path): "the token in \(path)"
        case .credential(let name): "the credential \(name)"
        }
    }

    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
