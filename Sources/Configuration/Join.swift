extension PodshieldConfiguration {
    /// How a node without an authority of its own finds one.
    public struct Join: Sendable, Equatable {
        public var authority: Endpoint
        /// SHA-256 of the authority's root certificate: 64 lower-case hexadecimal digits.
        public var rootFingerprint: String
        /// Needed for the first start only.
        public var token: TokenSource?
    }

    /// Where the one-time secret is. Never prints it.
    public enum TokenSource: Sendable, Equatable {
        case text(String)
        case file(path: String)
        /// A file of this name in `$CREDENTIALS_DIRECTORY` (systemd.exec(5), LoadCredential=).
        case credential(name: String)
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
