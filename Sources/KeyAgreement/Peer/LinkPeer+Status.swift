internal import Identity

extension LinkPeer {
    package var status: PeerStatus {
        PeerStatus(
            node: node.number, id: node.id, address: node.address, state: state, epoch: link.map(PeerStatus.Epoch.init),
            associations: inboundStatus + outboundStatus, lastError: lastError)
    }

    private var state: PeerStatus.State {
        if link != nil { return .established }
        if !attempts.isEmpty { return .connecting }
        return dialing.wasConnected || !inbound.isEmpty || !outbound.isEmpty ? .lost : .idle
    }

    private var inboundStatus: [PeerStatus.Association] {
        inbound.sorted { $0.key < $1.key }.flatMap { identity, holding in
            holding.associations.map {
                PeerStatus.Association(
                    spi: $0.spi, direction: .inbound, identity: identity, deadline: $0.deadline,
                    epoch: $0.origin?.epoch, addresses: holding.bound.sorted())
            }
        }
    }

    private var outboundStatus: [PeerStatus.Association] {
        outbound.sorted { $0.key < $1.key }.map { identity, association in
            PeerStatus.Association(
                spi: association.spi, direction: .outbound, identity: identity, deadline: association.deadline,
                epoch: association.origin?.epoch, addresses: [])
        }
    }
}

extension PeerStatus.Epoch {
    init(_ link: LinkConnection) {
        self.init(
            id: link.epoch.id, role: link.secured.parties.role, suite: link.epoch.agreement.suite,
            postQuantum: link.epoch.agreement.postQuantum, tlsGroup: link.secured.tlsGroup,
            tlsCipherSuite: link.secured.tlsCipherSuite, confirmed: link.confirmed, rekey: link.rekeyAt)
    }
}
