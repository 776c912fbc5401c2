internal import Addressing
internal import Identity

/// Addresses of this node that a workload gave up and that some peer may still take for its. Until every such peer has
/// acknowledged, or has no SA left to reach us by, no other workload may be announced there.
struct AddressReleases: Sendable {
    private struct Release {
        var former: Set<NumericIdentity>
        var revision: UInt64
        var awaiting: Set<NodeNumber>
    }

    private var releases: [IPAddress: Release] = [:]

    var holdings: Set<FormerHolding> {
        Set(
            releases.flatMap { address, release in
                release.former.map { FormerHolding(address: address, identity: $0) }
            })
    }

    /// Whether `identity` must not be announced at the address.
    func isQuarantined(_ address: IPAddress, for identity: NumericIdentity) -> Bool {
        guard let release = releases[address] else { return false }
        return release.former != [identity]
    }

    /// The newest revision with which an address was given up that waits for this peer; nil when none does.
    func newest(awaiting peer: NodeNumber) -> UInt64? {
        releases.values.filter { $0.awaiting.contains(peer) }.map(\.revision).max()
    }

    func isAwaiting(_ peer: NodeNumber, for address: IPAddress) -> Bool {
        releases[address]?.awaiting.contains(peer) ?? false
    }

    /// `former` gave the address up with this revision of what is hosted; these peers may not know.
    mutating func release(
        _ address: IPAddress, former: NumericIdentity, revision: UInt64, awaiting peers: Set<NodeNumber>
    ) {
        guard !peers.isEmpty || releases[address] != nil else { return }
        var release = releases[address] ?? Release(former: [], revision: revision, awaiting: [])
        release.former.insert(former)
        release.revision = revision
        release.awaiting.formUnion(peers)
        releases[address] = release
    }

    /// The only former holder has the address again.
    mutating func regain(_ address: IPAddress, by identity: NumericIdentity) {
        if releases[address]?.former == [identity] { releases[address] = nil }
    }

    /// The peer knows what was hosted as of `revision`. Returns whether an address became free.
    mutating func acknowledge(_ peer: NodeNumber, revision: UInt64) -> Bool {
        settle { $0.revision <= revision && $0.awaiting.remove(peer) != nil }
    }

    /// The peer has nothing left that it could reach us by.
    mutating func forget(_ peer: NodeNumber) -> Bool { settle { $0.awaiting.remove(peer) != nil } }

    private mutating func settle(_ touches: (inout Release) -> Bool) -> Bool {
        var freed = false
        for (address, var release) in releases where touches(&release) {
            releases[address] = release.awaiting.isEmpty ? nil : release
            freed = freed || release.awaiting.isEmpty
        }
        return freed
    }
}
