import Addressing
import Identity
import KeyAgreement
import NodeLink
import Telemetry

extension Event {
    /// What the journal says of an event of the link; some are worth no line.
    static func of(_ event: NodeLinkEvent, _ names: NameTable) -> [Event] {
        switch event {
        case .peer(let number, let id, let event):
            of(event, peer: id.lastSegment, address: names.node(number).map { "\($0.address)" } ?? "", names)
        case .connectionFailed(let source, let id, let reason):
            [.linkRefused(address: source, reason: id.map { "\($0): \(reason)" } ?? reason)]
        case .flood(let source):
            [.linkRefused(address: source, reason: "too many connections; more are closed unheard")]
        case .sinkFailed(let number, let operation, let reason):
            [.associationFailed(peer: names.nodeName(number), reason: "\(operation): \(reason)")]
        }
    }

    private static func of(_ event: LinkEvent, peer: String, address: String, _ names: NameTable) -> [Event] {
        switch event {
        case .epochConfirmed(let epoch, let summary):
            (summary.isRekey ? [] : [.linkEstablished(peer: peer, address: address)])
                + [.epochConfirmed(peer: peer, epoch: epoch, summary)]
        case .linkLost(let failure): [.linkLost(peer: peer, reason: "\(failure)")]
        case .dialFailed(let failure): [.linkFailed(peer: peer, reason: "\(failure)")]
        case .connectionEnded(.superseded), .connectionEnded(.crossed), .connectionEnded(.stopped),
            .connectionEnded(.peerClosed(.superseded)), .connectionEnded(.peerClosed(.crossed)),
            .connectionEnded(.peerClosed(.shutdown)):
            []
        case .connectionEnded(let failure): [.epochFailed(peer: peer, reason: "\(failure)")]
        case .accepted(let identity, let id, let spi, _):
            [
                .associationInstalled(
                    peer: peer, isInbound: true, spi: spi.rawValue, spiffeID: "\(id)", identity: identity.rawValue)
            ]
        case .refused(let identity, let reason, let addresses, let detail):
            [.proofRefused(peer: peer, spiffeID: names.text(identity), reason: text(reason, addresses, detail))]
        case .withdrawn(let identity, let cause):
            [.workloadWithdrawn(peer: peer, spiffeID: names.text(identity), reason: "\(cause)")]
        case .switched(let identity, let spi):
            [
                .associationInstalled(
                    peer: peer, isInbound: false, spi: spi.rawValue, spiffeID: names.text(identity),
                    identity: identity.rawValue)
            ]
        case .worn(let identity, let spi):
            [
                .keysWorn(
                    peer: peer, spi: spi.rawValue, spiffeID: names.text(identity), identity: identity.rawValue)
            ]
        case .refusedByPeer(let identity, let reason, let addresses):
            [.ownProofRefused(peer: peer, spiffeID: names.text(identity), reason: text(reason, addresses))]
        case .renewed, .outboundRetired: []
        }
    }

    private static func text(_ reason: RefusalReason, _ addresses: [IPAddress], _ detail: String = "") -> String {
        let more = addresses.map(\.description) + [detail].filter { !$0.isEmpty }
        return more.isEmpty ? "\(reason)" : "\(reason): \(more.joined(separator: ", "))"
    }

    private static func epochConfirmed(peer: String, epoch: EpochID, _ summary: EpochSummary) -> Event {
        epochConfirmed(
            peer: peer, epoch: epoch.short, version: summary.version, suite: "\(summary.suite)",
            group: summary.tlsGroup,
            isPostQuantum: summary.postQuantum == .mlkem768)
    }
}

extension NameTable {
    func nodeName(_ number: NodeNumber) -> String { node(number)?.id.lastSegment ?? "number \(number)" }

    /// A workload's SPIFFE ID where it is known.
    func text(_ identity: NumericIdentity?) -> String {
        guard let identity else { return "a workload" }
        return workload(identity).map { "\($0)" } ?? "identity \(identity)"
    }
}
