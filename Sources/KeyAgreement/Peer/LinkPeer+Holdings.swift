internal import Addressing
internal import Identity

/// What the peer may send as: how it shrinks and ends.
extension LinkPeer {
    // MARK: Its sender has switched

    mutating func receiveSwitched(_ id: UInt32, _ spi: SPI, _ world: LinkWorld) throws(LinkFailure) {
        // An acceptance that we have taken back may cross with it.
        guard let announcement = link?.incoming[id] else { return }
        guard announcement.spi == spi else {
            throw .unexpectedMessage(type: LinkMessage.switched(id: id, spi: spi).type)
        }
        inbound[announcement.identity]?.retireBefore(spi, at: now.boot.adding(world.timing.grace))
    }

    /// A packet that holds says the same.
    mutating func heard(_ spi: SPI, _ world: LinkWorld) {
        for identity in inbound.keys where inbound[identity]?.unheard.contains(spi) == true {
            inbound[identity]?.retireBefore(spi, at: now.boot.adding(world.timing.grace))
        }
    }

    // MARK: Withdrawal

    mutating func receiveWithdrawal(_ id: UInt32) {
        if let announcement = link?.incoming.remove(id) { drop(announcement.identity, .withdrawn) }
        send(.withdrawn(id: id))
    }

    mutating func receiveComplete() throws(LinkFailure) {
        guard let link, !link.incoming.isComplete else { throw .unexpectedMessage(type: LinkMessage.complete.type) }
        self.link?.incoming.isComplete = true
        for identity in inbound.keys.sorted()
        where link.incoming.ids[identity] == nil && !link.incoming.spared.contains(identity) {
            drop(identity, .notAnnounced)
        }
        send(.completed)
    }

    /// Nothing of the identity is taken from the peer, nor sent to its addresses, any more. The peer is told `reason` when it
    /// was accepted on this connection.
    mutating func drop(_ identity: NumericIdentity, _ cause: WithdrawalCause, telling reason: RefusalReason? = nil) {
        keepOnly([], of: identity)
        retireAssociations(of: identity) { _ in true }
        guard inbound.removeValue(forKey: identity) != nil else { return }
        if let id = link?.incoming.ids[identity] {
            link?.incoming.remove(id)
            if let reason { send(.refuse(Refusal(id: id, generation: 0, reason: reason, addresses: []))) }
        }
        report(.withdrawn(identity, cause))
    }

    mutating func retireAssociations(of identity: NumericIdentity, where isOver: (InboundAssociation) -> Bool) {
        for association in inbound[identity]?.associations ?? [] where isOver(association) {
            emit(.retireInbound(association.spi))
        }
        inbound[identity]?.associations.removeAll(where: isOver)
    }

    /// Unbinds what is bound beside these.
    mutating func keepOnly(_ addresses: Set<IPAddress>, of identity: NumericIdentity) {
        guard let holding = inbound[identity] else { return }
        let gone = holding.bound.subtracting(addresses)
        inbound[identity]?.claimed.formIntersection(addresses)
        inbound[identity]?.bound.formIntersection(addresses)
        if !gone.isEmpty { emit(.unbind(identity, gone.sorted())) }
    }
}
