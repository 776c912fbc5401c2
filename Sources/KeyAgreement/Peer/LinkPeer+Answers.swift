internal import Addressing
internal import Identity

/// What the peer answers to what this node announced.
extension LinkPeer {
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
        if !mayBeEarly(refusal, of: identity, world) {
            report(.refusedByPeer(identity, refusal.reason, addresses: refusal.addresses))
        }
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

    /// It is announced again before long, so that what is really wrong is refused again.
    private func mayBeEarly(_ refusal: Refusal, of identity: NumericIdentity, _ world: LinkWorld) -> Bool {
        guard refusal.reason.mayBeEarly else { return false }
        let since = retries[identity]?.since ?? now.boot
        return now.boot < since.adding(world.timing.directoryLag)
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
}
