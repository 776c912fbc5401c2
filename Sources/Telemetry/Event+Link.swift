/// Events of links, epochs and security associations.
extension Event {
    public static func linkListening(address: String) -> Event {
        Event(.linkListening, "the node link listens on \(address)", [.address: address])
    }

    public static func linkEstablished(peer: String, address: String) -> Event {
        Event(
            .linkEstablished, "a link with node \(peer) at \(address) is established",
            [.peer: peer, .address: address])
    }

    /// SAs go on until their deadline.
    public static func linkLost(peer: String, reason: String) -> Event {
        Event(
            .linkLost, "the link with node \(peer) ended: \(reason)", [.peer: peer, .reason: reason])
    }

    public static func linkFailed(peer: String, reason: String) -> Event {
        Event(.linkFailed, "no link with node \(peer): \(reason)", [.peer: peer, .reason: reason])
    }

    public static func linkRefused(address: String, reason: String) -> Event {
        Event(
            .linkRefused, "a link from \(address) was refused: \(reason)", [.address: address, .reason: reason])
    }

    /// - Parameter group: of the TLS connection; empty where it is not known.
    public static func epochConfirmed(
        peer: String, epoch: String, version: UInt8, suite: String, group: String, isPostQuantum: Bool
    ) -> Event {
        let agreed = ["wire version \(version)", suite, group, isPostQuantum ? "post-quantum" : ""].filter {
            !$0.isEmpty
        }
        return Event(
            .epochConfirmed, "keys of epoch \(epoch) with node \(peer): \(agreed.joined(separator: ", "))",
            [
                .peer: peer, .epoch: epoch, .version: "\(version)", .suite: suite, .group: group,
                .postQuantum: "\(isPostQuantum)",
            ])
    }

    public static func epochFailed(peer: String, reason: String) -> Event {
        Event(
            .epochFailed, "no new keys with node \(peer), the old stay in use: \(reason)",
            [.peer: peer, .reason: reason])
    }

    /// - Parameter isInbound: true when we open with it.
    public static func associationInstalled(
        peer: String, isInbound: Bool, spi: UInt32, spiffeID: String, identity: UInt32
    ) -> Event {
        let direction = isInbound ? "inbound" : "outbound"
        return Event(
            .associationInstalled, "\(direction) SA 0x\(String(spi, radix: 16)) with node \(peer) for \(spiffeID)",
            [
                .peer: peer, .direction: direction, .spi: "\(spi)", .spiffeID: spiffeID, .identity: "\(identity)",
            ])
    }

    /// - Parameter kind: of the events that are left out from now on.
    public static func peerNoisy(peer: String, about kind: EventKind) -> Event {
        Event(
            .peerNoisy, "node \(peer) causes \(kind.rawValue) (\(kind.code)) without end: more of it is left out",
            [.peer: peer, .reason: kind.rawValue])
    }

    /// Outbound.
    public static func keysWorn(peer: String, spi: UInt32, spiffeID: String, identity: UInt32) -> Event {
        Event(
            .keysWorn,
            "outbound SA 0x\(String(spi, radix: 16)) with node \(peer) for \(spiffeID) has carried enough: new keys are due",
            [.peer: peer, .spi: "\(spi)", .spiffeID: spiffeID, .identity: "\(identity)"])
    }

    public static func associationFailed(peer: String, reason: String) -> Event {
        Event(
            .associationFailed, "an SA with node \(peer) was not installed: \(reason)",
            [.peer: peer, .reason: reason])
    }

    public static func proofRefused(peer: String, spiffeID: String, reason: String) -> Event {
        Event(
            .proofRefused, "node \(peer) has not proved that it hosts \(spiffeID): \(reason)",
            [.peer: peer, .spiffeID: spiffeID, .reason: reason])
    }

    public static func ownProofRefused(peer: String, spiffeID: String, reason: String) -> Event {
        Event(
            .ownProofRefused, "node \(peer) does not take our proof for \(spiffeID): \(reason)",
            [.peer: peer, .spiffeID: spiffeID, .reason: reason])
    }

    public static func workloadWithdrawn(peer: String, spiffeID: String, reason: String) -> Event {
        Event(
            .workloadWithdrawn, "node \(peer) no longer hosts \(spiffeID): \(reason)",
            [.peer: peer, .spiffeID: spiffeID, .reason: reason])
    }

    public static func addressQuarantined(address: String, reason: String) -> Event {
        Event(
            .addressQuarantined, "packets to \(address) drop for now: \(reason)",
            [.address: address, .reason: reason])
    }
}
