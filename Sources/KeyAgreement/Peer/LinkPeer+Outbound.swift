internal import Identity

/// The SAs by which this node sends.
extension LinkPeer {
    mutating func switchOver(
        _ id: UInt32, _ announcement: OutgoingAnnouncements.Announcement, _ acceptance: Acceptance, _ world: LinkWorld
    ) {
        guard let link, announcement.switchAt <= now.boot else { return }
        // Not again before the result is there.
        self.link?.outgoing[id]?.switchAt = .max
        let parties = link.epoch.parties
        let keys = link.epoch.keys.associationKey(
            link.inputs(
                sender: parties.local, receiver: parties.peer, spi: acceptance.spi, workload: announcement.svid,
                identity: announcement.identity, senderNonce: announcement.nonce, receiverNonce: acceptance.nonce))
        let sa = OutboundSA(
            spi: acceptance.spi, peer: node.number, identity: announcement.identity,
            suite: link.epoch.agreement.suite, key: keys.key, salt: keys.salt,
            deadline: link.deadline(of: announcement.svid, epoch: world.epoch, now: now))
        emit(.installOutbound(sa, PendingSwitch(connection: link.id, id: id)))
    }

    mutating func switched(_ pending: PendingSwitch, _ sa: OutboundSA, _ succeeded: Bool, _ world: LinkWorld) {
        let isCurrent = link?.id == pending.connection && link?.outgoing[pending.id] != nil
        guard succeeded else {
            if isCurrent { link?.outgoing[pending.id]?.switchAt = now.boot.adding(world.timing.overdue) }
            return
        }
        outbound[sa.identity] = OutboundAssociation(spi: sa.spi, deadline: sa.deadline, origin: link?.origin)
        report(.switched(sa.identity, sa.spi))
        guard isCurrent else { return }
        link?.outgoing[pending.id]?.isSwitched = true
        send(.switched(id: pending.id, spi: sa.spi))
    }

    mutating func extendOutbound(_ identity: NumericIdentity, _ svid: X509SVID, _ world: LinkWorld) {
        guard let link, let association = outbound[identity], association.origin?.connection == link.id else { return }
        let deadline = link.deadline(of: svid, epoch: world.epoch, now: now)
        outbound[identity]?.deadline = deadline
        emit(.extend(association.spi, .outbound, deadline))
    }

    mutating func retireOutbound(_ identity: NumericIdentity, _ cause: WithdrawalCause) {
        guard outbound.removeValue(forKey: identity) != nil else { return }
        emit(.retireOutbound(identity))
        report(.outboundRetired(identity, cause))
    }
}
