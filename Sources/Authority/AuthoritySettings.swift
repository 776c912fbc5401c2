public import Addressing
public import Identity
internal import Issuance
public import JOSE
internal import OpenSSLBinding
public import RateLimiting
public import SecureTransport

/// What an authority is told.
public struct AuthoritySettings: Sendable {
    public var trustDomain: TrustDomain
    /// Last segment of the server's SPIFFE ID.
    public var name: String
    /// Holds `ca.pem`, `ca.key`, a `ca-FINGERPRINT.key` for each CA after the first, `authority.sqlite`, and a `jwt-ID.key` for
    /// each key that signs JWT-SVIDs.
    public var stateDirectory: String
    public var keyStore = KeyStore.ownFile
    /// Nil for a CA that vouches for itself.
    public var upstream: Upstream?
    /// By what nodes may join beside the tokens that are made here.
    public var machineCertificates: MachineCertificates?
    public var clusterTokens: ClusterTokens?
    public var tpms: TrustedTPMs?
    public var listenAddress: IPAddress
    /// 0 for any that is free.
    public var listenPort: UInt16
    /// Where nodes reach it, as `host:port`; printed with join tokens. Nil for the address it listens on.
    public var advertisedAddress: String?
    public var autoRegistration = AutoRegistration.off
    /// Of CAs that are made; below an upstream no longer than that lasts.
    public var caLifetime = CertificateAuthority.defaultLifetime
    /// Of workloads' SVIDs whose entry says nothing.
    public var workloadLifetime = Duration.seconds(3600)
    /// A node that is away for longer has to join again.
    public var nodeLifetime = Duration.seconds(86400)
    public var serverLifetime = Duration.seconds(86400)
    /// Of JWT-SVIDs; no more than a sixth of their keys'.
    public var jwtLifetime = JWTSVIDPlan.defaultLifetime
    public var jwtKeyLifetime = Duration.seconds(86400)
    /// Whom JWT-SVIDs name as their issuer, for verifiers outside of SPIFFE; nil for nobody.
    public var jwtIssuer: JWTIssuer?
    /// Only addresses inside these can be leased; empty for any that a pod can have.
    public var leasable: [IPPrefix] = []
    /// By which it shares its registry with others, under different names; nil for one that is alone.
    public var sharedLog: (any SharedLog)?
    /// Those with other trust domains that commands do not change.
    public var relationships: [ConfiguredRelationship] = []
    /// Nil where no CA is signed for others.
    public var downstream: DownstreamSettings?
    public var limits = AuthorityLimits()

    public init(
        trustDomain: TrustDomain, name: String, stateDirectory: String, listenAddress: IPAddress, listenPort: UInt16
    ) {
        self.trustDomain = trustDomain
        self.name = name
        self.stateDirectory = stateDirectory
        self.listenAddress = listenAddress
        self.listenPort = listenPort
    }

    /// Whoever certifies machines or their TPMs.
    var issuersOfMachines: [Certificate] { (machineCertificates?.roots ?? []) + (tpms?.issuers?.all ?? []) }
}

/// What clients may cost.
public struct AuthorityLimits: Sendable, Equatable {
    /// Connections at one time of nodes that have shown their certificates. Each node has one, and for a while one more
    /// when it comes back before the old one is known to be dead.
    public var nodeConnections = 2 * DirectoryLimits().nodes
    /// Of these, one node's.
    public var connectionsPerNode = 8
    /// Of connections that have shown no node's certificate yet, or never do; they take nothing from the others.
    public var admission = AdmissionLimits(
        strangers: .init(pending: 1024, rate: Rate(burst: 1024, perSecond: 128)),
        nodes: .init(pending: 1024, rate: Rate(burst: 4096, perSecond: 256)),
        pendingPerSource: 128, ratePerSource: Rate(burst: 256, perSecond: 32))
    /// Calls at one time on one connection.
    public var streamsPerConnection = 128
    /// Calls of one node: so many at once, then so many a second.
    public var nodeCalls = Rate(burst: 2000, perSecond: 1000)
    /// Joins from one address (IPv6: one /64).
    public var joins = Rate(burst: 100, perSecond: 2)
    public var directory = DirectoryLimits()
    /// Directories on one stream. Each is whole, so that they are to be few where much changes.
    public var editions = Rate(burst: 4, perSecond: 10)
    /// Messages with what has changed of a node's entries, on its stream.
    public var entryNews = Rate(burst: 8, perSecond: 20)
    /// How long a CA that has ended is kept, while the daemon runs, whichever authority's it is, and a key for JWT-SVIDs of an authority
    /// beside: the clock may be what is wrong.
    public var endedAuthority = Duration.seconds(86400)
    /// The same for our own keys for JWT-SVIDs, and those of authorities above and below. Enough to set a clock right, and little for a
    /// key that is in other hands: tokens that it signs then are good as long as it is published.
    public var endedKey = Duration.seconds(3600)
    /// How long a connection without a certificate may last: it is there to join, and for nothing else.
    public var anonymousConnection = Duration.seconds(30)
    /// How long one of a workload may last where CAs are signed: every workload may begin one there, and a few make up all places.
    public var downstreamConnection = Duration.seconds(30)

    public init() {}
}
