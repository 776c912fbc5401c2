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
        public var autoRegister: AutoRegister
        /// How pods without an entry are named, such as `/ns/{namespace}/sa/{service-account}`.
        public var identityTemplate: String
        /// Of workloads' SVIDs whose entry says nothing.
        public var workloadLifetime: Duration
        /// Of nodes' SVIDs and the server's own.
        public var nodeLifetime: Duration
        /// Of JWT-SVIDs.
        public var jwtLifetime: Duration
        /// Whom JWT-SVIDs name as their issuer; nil for nobody.
        public var jwtIssuer: JWTIssuer?
    }

    /// Which nodes' pods get an identity by the template when no entry speaks of them.
    public enum AutoRegister: String, Sendable, CaseIterable {
        case none
        /// Those of the node in the same process.
        case ownNode = "own-node"
        case allNodes = "all-nodes"
    }
}
