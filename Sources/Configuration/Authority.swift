public import Addressing
public import JOSE

extension PodshieldConfiguration {
    /// What only a daemon with the CA is told.
    public struct Authority: Sendable, Equatable {
        /// Last segment of the server's SPIFFE ID.
        public var name: String
        public var listenAddress: IPAddress
        public var port: UInt16
        /// Where nodes reach it; printed with join tokens.
        public var advertised: Endpoint
        public var keyStore: KeyStore
        /// Nil for a CA that vouches for itself.
        public var upstream: Upstream?
        public var autoRegister: AutoRegister
        /// How pods without an entry are named, such as `/ns/{namespace}/sa/{service-account}`.
        public var identityTemplate: String
        /// Of CAs that are made.
        public var caLifetime: Duration
        /// Of workloads' SVIDs whose entry says nothing.
        public var workloadLifetime: Duration
        /// Of nodes' SVIDs and the server's own.
        public var nodeLifetime: Duration
        /// Of JWT-SVIDs.
        public var jwtLifetime: Duration
        /// Whom JWT-SVIDs name as their issuer; nil for nobody.
        public var jwtIssuer: JWTIssuer?
        /// Nil for an authority that is alone.
        public var etcd: Etcd?
        /// Nil where no node joins by a certificate.
        public var machineCertificates: MachineCertificates?
        /// Nil where no node joins by its TPM.
        public var tpms: TPMs?
        /// Nil where no node joins by a cluster's token.
        public var cluster: Cluster?
        /// Nil where no CA is signed for other authorities.
        public var downstream: Downstream?
        /// Nil where whom to trust is told to nodes alone.
        public var bundleEndpoint: BundleEndpoint?
        /// With other trust domains, beside those that commands make.
        public var relationships: [Federated]
    }

    /// Where several authorities share what they know.
    public struct Etcd: Sendable, Equatable {
        /// At least one.
        public var members: [Endpoint]
        /// PEM files: who vouches for the members, and by what we are let in.
        public var caFile: String
        public var certificateFile: String
        public var keyFile: String
        /// Keys are below it, and the trust domain's name.
        public var prefix: String
    }

    /// A Kubernetes cluster whose tokens let its nodes join.
    public struct Cluster: Sendable, Equatable {
        /// Its API.
        public var server: Endpoint
        /// PEM file of the roots that alone are trusted.
        public var caFile: String
        /// What the authority itself is let in by, read again each time.
        public var tokenFile: String
        /// Whom nodes' tokens have to be for.
        public var audience: String
        /// Whose tokens, as `namespace:name`; at least one.
        public var serviceAccounts: [String]
    }

    /// Who vouches for CAs that are made.
    public enum Upstream: Sendable, Equatable {
        case disk(DiskUpstream)
        case vaultPKI(VaultPKI)
        case spire(SPIREUpstream)

        /// Whether each CA that follows is signed without an operator's hand.
        var signsOnRequest: Bool {
            switch self {
            case .disk: false
            case .vaultPKI, .spire: true
            }
        }

        /// PEM file of those above the CA, where they are on disk.
        public var certificateFile: String? {
            if case .disk(let upstream) = self { upstream.certificateFile } else { nil }
        }
    }

    /// An issuer in the PKI engine of Vault or OpenBao.
    public struct VaultPKI: Sendable, Equatable {
        public var access: VaultAccess
        public var mount: String
        /// Its name or ID; nil for the engine's default.
        public var issuer: String?
    }

    /// A server of SPIRE, or a Podshield authority that signs for others, of the same trust domain.
    public struct SPIREUpstream: Sendable, Equatable {
        public var server: Endpoint
        /// Of the Workload API by which the daemon is known to it.
        public var workloadSocket: String
        /// Of the SVID to show, where there are several; nil for the first.
        public var hint: String?
        /// Whether the keys that JWT-SVIDs are signed with here are published there.
        public var publishesKeys: Bool
    }

    /// Where CAs are signed for other authorities.
    public struct Downstream: Sendable, Equatable {
        public var address: IPAddress
        public var port: UInt16
        /// At most.
        public var caLifetime: Duration
        /// Whether their keys for JWT-SVIDs are published.
        public var takesKeys: Bool
    }

    /// An authority whose certificate and key are in files, and which vouches for a CA that is going to be made.
    public struct DiskUpstream: Sendable, Equatable {
        /// PEM: its certificate, then those that vouch for it, up to and with the root.
        public var certificateFile: String
        /// Needed for the first start only.
        public var key: SecretSource?

        public init(certificateFile: String, key: SecretSource?) {
            self.certificateFile = certificateFile
            self.key = key
        }
    }

    /// Which certificates of machines let their nodes join.
    public struct MachineCertificates: Sendable, Equatable {
        /// PEM file of those that issue them.
        public var caFile: String
        public var name: CertificateName
        /// A node that joined by one key may join again by another.
        public var allowNewKey: Bool

        public init(caFile: String, name: CertificateName, allowNewKey: Bool) {
            self.caFile = caFile
            self.name = name
            self.allowNewKey = allowNewKey
        }
    }

    /// Which TPMs let their nodes join: one of the files at least.
    public struct TPMs: Sendable, Equatable {
        /// Lines of a node's name and its endorsement key's SHA-256; read anew for each join and renewal.
        public var keysFile: String?
        /// PEM file of those that certify endorsement keys.
        public var caFile: String?
        /// Values of registers of the SHA-256 bank that nodes have to have, by number.
        public var registers: [Int: [UInt8]]

        public init(keysFile: String?, caFile: String?, registers: [Int: [UInt8]]) {
            self.keysFile = keysFile
            self.caFile = caFile
            self.registers = registers
        }
    }

    /// What in a machine's certificate is the node's name.
    public enum CertificateName: String, Sendable, CaseIterable {
        case commonName = "common-name"
        case dnsName = "dns-name"
    }

    /// Which nodes' pods get an identity by the template when no entry speaks of them.
    public enum AutoRegister: String, Sendable, CaseIterable {
        case none
        /// Those of the node in the same process.
        case ownNode = "own-node"
        case allNodes = "all-nodes"
    }
}
