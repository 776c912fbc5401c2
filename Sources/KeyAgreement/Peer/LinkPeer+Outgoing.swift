internal import Addressing
internal import Identity

/// What this node tells the peer that it hosts: the difference between what is hosted and what was said on this connection.
extension LinkPeer {
    mutating func reconcile(_ world: LinkWorld) {
        guard link != nil, let hosted = world.hosted, let concerned = stale.take() else { return }
        let identities = concerned.identities ?? Set(hosted.keys).union(link?.outgoing.ids.keys.map(\.self) ?? [])
        for identity in identities.sorted() {
            if let workload = hosted[identity] {
                advance(workload, world)
            } else if let id = link?.outgoing.ids[identity] {
                withdraw(id)
            }
        }
        if concerned.identities == nil { link?.outgoing.revision = world.hostingRevision }
        guard link?.outgoing.isCompleteSent == false else { return }
        link?.outgoing.isCompleteSent = true
        send(.complete)
    }

    /// What the composition took back is not sealed to anybody, connected or not.
    mutating func retireUnhosted(_ world: LinkWorld) {
        guard let hosted = world.hosted, stale.isAll else { return }
        for identity in outbound.keys.sorted() where hosted[identity] == nil { retireOutbound(identity, .withdrawn) }
        for identity in retries.keys where hosted[identity] == nil { retries[identity] = nil }
    }

    private mutating func advance(_ workload: HostedWorkload, _ world: LinkWorld) {
        let identity = workload.identity
        let excluded = retries[identity]?.excluded(at: now.boot) ?? []
        let addresses = world.announceable(workload).subtracting(excluded)
        guard let id = link?.outgoing.ids[identity], let announcement = link?.outgoing[id] else {
            return announce(workload, addresses, world)
        }
        guard case .accepted(let acceptance) = announcement.answer else { return }
        if !announcement.isSwitched { switchOver(id, announcement, acceptance, world) }
        guard announcement.update == nil else { return }
        if addresses.isEmpty {
            withdraw(id)
        } else if addresses != announcement.addresses {
            update(id, workload, addresses)
        } else if announcement.svid.notAfter < workload.svid.svid.notAfter {
            renew(id, workload)
        }
    }

    // MARK: Saying it

    private mutating func announce(_ workload: HostedWorkload, _ addresses: Set<IPAddress>, _ world: LinkWorld) {
        let isBlocked = retries[workload.identity]?.isBlocked(at: now.boot) ?? false
        guard let epoch = link?.epoch, !addresses.isEmpty, !isBlocked, workload.svid.svid.notAfter > now.unix,
            (link?.outgoing.count ?? 0) < LinkLimits.announcementsPerConnection
        else { return }
        let nonce = world.entropy.bytes(LinkLimits.nonceBytes)
        guard let id = link?.outgoing.nextID(),
            let message = epoch.announcement(id, of: workload.svid, at: addresses.sorted(), nonce: nonce)
        else { return }
        link?.outgoing.add(
            id, .init(identity: workload.identity, nonce: nonce, svid: workload.svid.svid, addresses: addresses))
        send(.announce(message))
    }

    /// Signed by the key whose SVID the peer knows, or else after its renewal.
    private mutating func update(_ id: UInt32, _ workload: HostedWorkload, _ addresses: Set<IPAddress>) {
        guard let announcement = link?.outgoing[id], let epoch = link?.epoch else { return }
        guard announcement.svid.leaf == workload.svid.svid.leaf else {
            let isBlocked = retries[workload.identity]?.isBlocked(at: now.boot) ?? false
            // What has gone must not wait for a renewal that the peer refuses.
            return isBlocked && !announcement.addresses.isSubset(of: addresses) ? withdraw(id) : renew(id, workload)
        }
        let generation = announcement.generation + 1
        guard let message = epoch.addressUpdate(id, generation, of: workload.svid, at: addresses.sorted()) else {
            return
        }
        link?.outgoing[id]?.generation = generation
        link?.outgoing[id]?.update = .addresses(addresses)
        send(.addresses(message))
    }

    private mutating func renew(_ id: UInt32, _ workload: HostedWorkload) {
        let isBlocked = retries[workload.identity]?.isBlocked(at: now.boot) ?? false
        guard !isBlocked, let announcement = link?.outgoing[id] else { return }
        let generation = announcement.generation + 1
        guard let message = link?.epoch.renewal(id, generation, of: workload.svid) else { return }
        link?.outgoing[id]?.generation = generation
        link?.outgoing[id]?.update = .renewal(workload.svid.svid)
        send(.renew(message))
    }

    private mutating func withdraw(_ id: UInt32) {
        guard let identity = link?.outgoing[id]?.identity else { return }
        link?.outgoing.withdraw(id)
        retireOutbound(identity, .withdrawn)
        send(.withdraw(id: id))
    }

    // MARK: Answers

    mutating func receive(_ acceptance: Acceptance) throws(LinkFailure) {
        guard let announcement = link?.outgoing[acceptance.id] else { throw Self.unexpected(.accept(acceptance)) }
        stale.add(announcement.identity)
        switch announcement.answer {
        case .accepted: throw Self.unexpected(.accept(acceptance))
        case .withdrawing: return
        case .awaited:
            try link?.outgoing.admit(acceptance.spi)
            link?.outgoing[acceptance.id]?.answer = .accepted(acceptance)
            forgive(announcement.identity)
        }
    }

    /// Success ends a series of failures, unless something is still left out.
    private mutating func forgive(_ identity: NumericIdentity) {
        if retries[identity]?.excluded(at: now.boot).isEmpty == true { retries[identity] = nil }
    }

    mutating func receive(_ refusal: Refusal, _ world: LinkWorld) throws(LinkFailure) {
        // A refusal that crosses with our withdrawal, or follows one that took the acceptance back, changes nothing.
        guard let announcement = link?.outgoing[refusal.id], !announcement.isWithdrawing else { return }
        let identity = announcement.identity
        stale.add(identity)
        report(.refusedByPeer(identity, refusal.reason, addresses: refusal.addresses))
        if refusal.generation == 0 {
            link?.outgoing.remove(refusal.id)
            let isTakenBack = announcement.isAccepted
            if isTakenBack || !refusal.reason.leavesIdentity { retireOutbound(identity, .withdrawn) }
            retry(identity, excluding: announcement.addresses.intersection(refusal.addresses), world)
        } else {
            guard refusal.generation == announcement.generation, let update = announcement.update else {
                throw Self.unexpected(.refuse(refusal))
            }
            settleRefused(refusal, announcement, update, world)
        }
    }

    /// What the update left out is gone all the same; what it added is left out for a while.
    private mutating func settleRefused(
        _ refusal: Refusal, _ announcement: OutgoingAnnouncements.Announcement, _ update: OutgoingAnnouncements.Update,
        _ world: LinkWorld
    ) {
        link?.outgoing[refusal.id]?.update = nil
        guard case .addresses(let sent) = update else { return retry(announcement.identity, excluding: [], world) }
        link?.outgoing[refusal.id]?.addresses = announcement.addresses.intersection(sent)
        let added = sent.subtracting(announcement.addresses)
        let refused = added.intersection(refusal.addresses)
        retry(announcement.identity, excluding: refused.isEmpty ? added : refused, world)
    }

    private mutating func retry(_ identity: NumericIdentity, excluding addresses: Set<IPAddress>, _ world: LinkWorld) {
        retries[identity, default: AnnouncementRetry()].fail(
            excluding: addresses, timing: world.timing, now: now.boot)
    }

    mutating func receiveAcknowledgement(
        _ id: UInt32, _ generation: UInt32, _ world: LinkWorld
    ) throws(LinkFailure) {
        guard let announcement = link?.outgoing[id] else {
            throw Self.unexpected(.acknowledge(id: id, generation: generation))
        }
        guard !announcement.isWithdrawing else { return }
        guard announcement.generation == generation, let update = announcement.update else {
            throw Self.unexpected(.acknowledge(id: id, generation: generation))
        }
        link?.outgoing[id]?.update = nil
        stale.add(announcement.identity)
        forgive(announcement.identity)
        switch update {
        case .addresses(let addresses): link?.outgoing[id]?.addresses = addresses
        case .renewal(let svid):
            link?.outgoing[id]?.svid = svid
            extendOutbound(announcement.identity, svid, world)
        }
    }

    mutating func receiveWithdrawn(_ id: UInt32) throws(LinkFailure) {
        guard link?.outgoing[id]?.isWithdrawing == true else { throw Self.unexpected(.withdrawn(id: id)) }
        link?.outgoing.remove(id)
    }

    mutating func receiveCompleted() throws(LinkFailure) {
        guard let outgoing = link?.outgoing, outgoing.isCompleteSent, !outgoing.isCompletedReceived else {
            throw Self.unexpected(.completed)
        }
        link?.outgoing.isCompletedReceived = true
    }

    private static func unexpected(_ message: LinkMessage) -> LinkFailure { .unexpectedMessage(type: message.type) }

    // MARK: SAs

    private mutating func switchOver(
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

    private mutating func extendOutbound(_ identity: NumericIdentity, _ svid: X509SVID, _ world: LinkWorld) {
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
