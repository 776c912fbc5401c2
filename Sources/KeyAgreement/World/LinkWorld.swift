package import Addressing
package import Identity

/// What all peers' machines share: settings, what the authority and the composition told, and who holds which address.
package struct LinkWorld: Sendable {
    let epoch: Duration
    let preconnect: Bool
    let timing: LinkTiming
    let entropy: Entropy
    /// Of this machine's boot.
    let bootID: [UInt8]
    let versions: ClosedRange<UInt8>

    package private(set) var directory: DirectoryIndex?
    package private(set) var bundle: TrustBundle
    /// What pods' addresses may be; empty for no such limit.
    package var protected: [IPPrefix] = []
    /// What this node hosts; nil until it was told, and then nothing may be concluded from its lack.
    private(set) var hosted: [NumericIdentity: HostedWorkload]?
    private(set) var hostedAddresses: Set<IPAddress> = []
    /// Of an earlier run; it counts as hosted until something else is.
    private var inherited: Set<FormerHolding> = []
    package private(set) var hostingRevision: UInt64 = 0
    var holdings = AddressHoldings()
    var releases = AddressReleases()
    /// Grows when an address of ours leaves quarantine.
    package private(set) var freedAddresses: UInt64 = 0
    /// Grows when an address that another peer's workload waits for is unbound.
    package private(set) var unboundAddresses: UInt64 = 0
    private var lastConnection: UInt64 = 0

    package init(
        epoch: Duration, preconnect: Bool, timing: LinkTiming, entropy: Entropy, bootID: [UInt8], bundle: TrustBundle,
        versions: ClosedRange<UInt8> = LinkVersions.spoken
    ) {
        self.epoch = epoch
        self.preconnect = preconnect
        self.timing = timing
        self.entropy = entropy
        self.bootID = bootID
        self.bundle = bundle
        self.versions = versions
    }

    /// No longer than leaves several tries to the keys in use: when the next are due they have one epoch left.
    func withinEpoch(_ pause: Duration) -> Duration { min(pause, epoch / 4) }

    package mutating func makeConnectionID() -> ConnectionID {
        lastConnection += 1
        return ConnectionID(rawValue: lastConnection)
    }

    /// False for a revision that is not newer.
    package mutating func take(_ directory: Directory) -> Bool {
        guard directory.revision > self.directory?.revision ?? 0 || self.directory == nil else { return false }
        self.directory = DirectoryIndex(directory)
        return true
    }

    /// The next is taken whatever its revision.
    package mutating func forgetDirectory() { directory = nil }

    /// Whether roots are missing now that were there before.
    package mutating func take(_ bundle: TrustBundle) -> Bool {
        let lost = !Set(self.bundle.authorities).isSubset(of: bundle.authorities)
        self.bundle = bundle
        return lost
    }

    // MARK: Hosting

    /// What an earlier run hosted, or had given up without every peer's knowing.
    package mutating func inherit(_ holdings: Set<FormerHolding>) { inherited = holdings }

    /// All that this node hosts from now on; workloads without an address are none. `reachable` are the peers that may
    /// still send to what is given up.
    package mutating func host(_ workloads: [HostedWorkload], reachable: Set<NodeNumber>) {
        let before = hosted.map { Set($0.values.flatMap(\.holdings)) } ?? inherited
        let now = Dictionary(
            workloads.filter { !$0.addresses.isEmpty }.map { ($0.identity, $0) },
            uniquingKeysWith: { $0.merged(with: $1) })
        hostingRevision += 1
        for held in before where now[held.identity]?.addresses.contains(held.address) != true {
            releases.release(held.address, former: held.identity, revision: hostingRevision, awaiting: reachable)
        }
        for workload in now.values {
            for address in workload.addresses { releases.regain(address, by: workload.identity) }
        }
        hosted = now
        hostedAddresses = Set(now.values.flatMap(\.addresses))
    }

    /// Addresses that must not be used by who has them now.
    package var quarantined: Set<IPAddress> {
        let pairs = (hosted ?? [:]).values.flatMap { workload in workload.addresses.map { ($0, workload.identity) } }
        return Set(pairs.filter { releases.isQuarantined($0, for: $1) }.map(\.0))
    }

    /// What a next run has to inherit besides what is hosted.
    package var released: Set<FormerHolding> { releases.holdings }

    /// Whether a workload waits for an address on account of this peer.
    func isAddressWanted(from peer: NodeNumber) -> Bool {
        quarantined.contains { releases.isAwaiting(peer, for: $0) }
    }

    /// What may be announced of a hosted workload now.
    func announceable(_ workload: HostedWorkload) -> Set<IPAddress> {
        workload.addresses.filter { !releases.isQuarantined($0, for: workload.identity) }
    }

    mutating func release(_ addresses: some Sequence<IPAddress>, of holder: AddressHoldings.Holder) {
        if holdings.release(addresses, of: holder) { unboundAddresses += 1 }
    }

    mutating func acknowledged(_ peer: NodeNumber, revision: UInt64) {
        if releases.acknowledge(peer, revision: revision) { freedAddresses += 1 }
    }

    package mutating func cannotReachUs(_ peer: NodeNumber) {
        if releases.forget(peer) { freedAddresses += 1 }
    }
}

/// Names one connection of this process; never used twice.
package struct ConnectionID: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
}

extension HostedWorkload {
    fileprivate var holdings: [FormerHolding] { addresses.map { FormerHolding(address: $0, identity: identity) } }
}
