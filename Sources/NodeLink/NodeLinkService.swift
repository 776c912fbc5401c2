public import Addressing
public import Identity
public import KeyAgreement
public import SecureTransport

/// Links with the other nodes of the directory: agrees on keys with them, proves what this node hosts, and tells the kernel
/// side what they proved.
public actor NodeLinkService {
    public nonisolated let settings: NodeLinkSettings

    /// - Parameters:
    ///   - identity: the node's own SVID and whom it trusts.
    ///   - observe: is told what happens, from any thread; it must not block.
    public init(
        _ settings: NodeLinkSettings, identity: TransportIdentity, environment: NodeLinkEnvironment,
        sink: any SecurityAssociationSink, observe: @escaping @Sendable (NodeLinkEvent) -> Void
    ) {
        self.settings = settings
    }

    /// Serves until the task is cancelled or `stop` is called. Takes over what `sink.adopted()` tells, binds the port, then
    /// dials. SAs stay when it ends.
    public func run() async throws(NodeLinkError) {}

    /// The TCP port, once it is bound; what `run` threw if it could not be.
    public func bound() async throws(NodeLinkError) -> UInt16 { 0 }

    /// Says goodbye to peers and ends `run`. SAs stay installed and traffic goes on.
    public func stop() async {}

    // MARK: What the composition tells

    /// Who the nodes are and who may speak for which addresses. Older revisions are ignored.
    public func update(directory: Directory) {}

    /// What pods' addresses may be; empty for no such limit.
    public func update(protected: [IPPrefix]) {}

    /// Something in `identity.bundle` has changed: all that rests on it is verified again.
    public func bundleChanged() {}

    /// The node's own SVID was renewed: the epochs are renewed with it.
    public func identityChanged() {}

    /// All that this node hosts. What is missing, compared with the last call or with what an earlier run left, is
    /// withdrawn. Nothing is announced before the first call, so call it also with nothing.
    ///
    /// Returns when every connected peer has acknowledged, or after `timing.acknowledgement`.
    @discardableResult
    public func host(_ workloads: [HostedWorkload]) async -> HostingOutcome {
        HostingOutcome(unacknowledged: [], quarantined: [])
    }

    /// A packet to this node met no session: dial now.
    public func trafficWaits(for node: NodeNumber) {}

    // MARK: What it tells

    public func peers() -> [PeerStatus] { [] }

    /// New epochs with this peer, or with every connected one. Returns when each is confirmed or has failed.
    public func rekey(_ node: NodeNumber?) async -> [RekeyOutcome] { [] }
}

/// What became of `host`.
public struct HostingOutcome: Sendable, Equatable {
    /// Connected peers that have not answered in time.
    public let unacknowledged: [NodeNumber]
    /// Addresses that were another identity's and may still be reached as such: packets to them must not be delivered yet.
    /// They are announced, and leave this set, by themselves.
    public let quarantined: Set<IPAddress>
}

public struct RekeyOutcome: Sendable {
    public let node: NodeNumber
    public let result: Result<EpochID, LinkFailure>
}
