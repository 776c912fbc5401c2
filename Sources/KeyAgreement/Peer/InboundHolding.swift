internal import Addressing
internal import Identity

/// What this node lets a peer send as one workload.
struct InboundHolding: Sendable {
    /// The newest proof; nil for what an earlier run left.
    var svid: X509SVID?
    /// All that the newest proof names.
    var claimed: Set<IPAddress>
    /// Those of them that the directory allows now and that are bound.
    var bound: Set<IPAddress>
    /// Oldest first.
    var associations: [InboundAssociation]

    /// Made before this one, which its sender uses by now: to go after the grace period.
    mutating func retireBefore(_ spi: SPI, at time: BootNanoseconds) {
        guard let index = associations.firstIndex(where: { $0.spi == spi }) else { return }
        associations[index].isUsed = true
        for older in associations.indices.prefix(index) {
            associations[older].retireAt = min(associations[older].retireAt ?? .max, time)
        }
    }

    /// Those whose sender may have switched to them without a chance to say so; the first packet shows it.
    var unheard: [SPI] {
        guard associations.count > 1 else { return [] }
        return associations.filter { !$0.isUsed }.map(\.spi)
    }

    /// The one to give up when there are too many: the oldest that its sender has left, else the oldest that it never
    /// used as far as is known, or else the oldest.
    mutating func removeSuperfluous() -> SPI {
        let older = associations.dropLast()
        let index =
            older.firstIndex { $0.retireAt != nil } ?? older.firstIndex { !$0.isUsed } ?? associations.startIndex
        return associations.remove(at: index).spi
    }
}

struct InboundAssociation: Sendable {
    let spi: SPI
    /// Grows with every association of the peer; 0 for what an earlier run left.
    let order: UInt64
    var deadline: BootNanoseconds
    /// Nil for what an earlier run left.
    let origin: AssociationOrigin?
    /// The sender has switched to it.
    var isUsed = false
    var retireAt: BootNanoseconds?

    /// When it has to go.
    var end: BootNanoseconds { min(deadline, retireAt ?? .max) }
}

/// What this node sends to a peer as one workload.
struct OutboundAssociation: Sendable {
    let spi: SPI
    var deadline: BootNanoseconds
    let origin: AssociationOrigin?
}

/// The connection an SA was agreed on.
struct AssociationOrigin: Sendable {
    let connection: ConnectionID
    let epoch: EpochID
    let peerSVID: X509SVID
}
