internal import Addressing
internal import Identity

/// What the peer says it hosts.
extension LinkPeer {
    // MARK: Announcements

    mutating func receive(_ announce: Announce, _ world: inout LinkWorld) throws(LinkFailure) {
        guard let link, let directory = world.directory else { return }
        try self.link?.incoming.admit(announce.id)
        let verifier = ProofVerifier(link.epoch, peer: node.number, world: world, directory: directory, now: now.unix)
        do throws(ProofRefusal) {
            let proven = try verifier.verify(announce)
            try checkUnique(proven, link)
            world.holdings.claim(proven.addresses, for: holder(proven.identity))
            emit(
                .reserveInbound(
                    PendingAcceptance(
                        connection: link.id, id: announce.id, senderNonce: announce.nonce, proven: proven)))
        } catch {
            spare(error, announcing: announce.addresses)
            try refuse(announce.id, 0, error)
        }
    }

    /// One announcement an identity, and one SPIFFE ID a number.
    private func checkUnique(_ proven: ProvenWorkload, _ link: LinkConnection) throws(ProofRefusal) {
        guard link.incoming.ids[proven.identity] == nil else {
            throw ProofRefusal(reason: .duplicateIdentity, identity: proven.identity)
        }
        guard let known = inbound[proven.identity]?.svid, known.id != proven.svid.id else { return }
        throw ProofRefusal(
            reason: .identityMismatch, identity: proven.identity,
            detail: "\(proven.svid.id), proved before was \(known.id)")
    }

    /// Whose identity was proved once more, but not its place or with no room for another SA, keeps what it had, less the
    /// addresses that it names no longer.
    private mutating func spare(_ refusal: ProofRefusal, announcing addresses: [IPAddress]) {
        guard refusal.reason.leavesIdentity, let identity = refusal.identity else { return }
        link?.incoming.spared.insert(identity)
        keepOnly(Set(addresses).subtracting(refusal.addresses), of: identity)
    }

    mutating func reserved(_ pending: PendingAcceptance, _ spi: SPI?, _ world: inout LinkWorld) {
        guard let spi else { return abandon(pending, &world) }
        guard let link, link.id == pending.connection else {
            emit(.retireInbound(spi))
            return abandon(pending, &world)
        }
        var pending = pending
        pending.receiverNonce = world.entropy.bytes(LinkLimits.nonceBytes)
        let proven = pending.proven
        let parties = link.epoch.parties
        let keys = link.epoch.keys.associationKey(
            link.inputs(
                sender: parties.peer, receiver: parties.local, spi: spi, workload: proven.svid,
                identity: proven.identity, senderNonce: pending.senderNonce, receiverNonce: pending.receiverNonce))
        let sa = InboundSA(
            spi: spi, peer: node.number, identity: proven.identity, suite: link.epoch.agreement.suite, key: keys.key,
            salt: keys.salt, deadline: link.deadline(of: proven.svid, epoch: world.epoch, now: now))
        let fresh = proven.addresses.filter { inbound[proven.identity]?.bound.contains($0) != true }
        emit(.installInbound(sa, binding: fresh, pending))
    }

    mutating func installed(
        _ pending: PendingAcceptance, _ sa: InboundSA, _ succeeded: Bool, _ world: inout LinkWorld
    ) {
        guard succeeded, let link, link.id == pending.connection else {
            if succeeded { emit(.retireInbound(sa.spi)) }
            return abandon(pending, &world)
        }
        let identity = pending.identity
        let addresses = Set(pending.proven.addresses)
        var holding = inbound[identity] ?? InboundHolding(svid: nil, claimed: [], bound: [], associations: [])
        holding.svid = pending.proven.svid
        holding.claimed = addresses.union(holding.bound)
        holding.bound.formUnion(addresses)
        let origin = link.origin
        holding.associations.append(InboundAssociation(spi: sa.spi, deadline: sa.deadline, origin: origin))
        while holding.associations.count > LinkLimits.associationsPerWorkload {
            emit(.retireInbound(holding.removeSuperfluous()))
        }
        inbound[identity] = holding
        keepOnly(addresses, of: identity)
        self.link?.incoming.accept(pending.id, .init(identity: identity, spi: sa.spi))
        send(.accept(Acceptance(id: pending.id, spi: sa.spi, nonce: pending.receiverNonce)))
        report(.accepted(identity, pending.proven.svid.id, sa.spi, addresses: pending.proven.addresses))
    }

    /// There is no room: nothing has changed.
    private mutating func abandon(_ pending: PendingAcceptance, _ world: inout LinkWorld) {
        let claimed = Set(pending.proven.addresses).subtracting(inbound[pending.identity]?.bound ?? [])
        world.release(claimed, of: holder(pending.identity))
        guard link?.id == pending.connection else { return }
        let refusal = ProofRefusal(reason: .noRoom, identity: pending.identity)
        spare(refusal, announcing: pending.proven.addresses)
        // A refusal that breaks a limit is answered when the next one does.
        try? refuse(pending.id, 0, refusal)
    }

    private mutating func refuse(_ id: UInt32, _ generation: UInt32, _ refusal: ProofRefusal) throws(LinkFailure) {
        send(
            .refuse(
                Refusal(id: id, generation: generation, reason: refusal.reason, addresses: refusal.addresses)))
        report(
            .refused(refusal.identity, refusal.reason, addresses: refusal.addresses, detail: refusal.detail))
        try link?.incoming.countRefusal()
    }

    // MARK: Updates

    mutating func receive(_ update: AddressUpdate, _ world: inout LinkWorld) throws(LinkFailure) {
        guard let link, let directory = world.directory else { return }
        guard let identity = try advance(update.id, update.generation), let svid = inbound[identity]?.svid else {
            return
        }
        let known = inbound[identity]?.claimed ?? []
        // To leave out needs no proof, and takes effect whatever becomes of the rest.
        keepOnly(Set(update.addresses), of: identity)
        let verifier = ProofVerifier(link.epoch, peer: node.number, world: world, directory: directory, now: now.unix)
        do throws(ProofRefusal) {
            let proven = try verifier.verify(update, of: identity, current: svid, known: known)
            let fresh = proven.addresses.filter { !known.contains($0) }
            guard !fresh.isEmpty else {
                return send(.acknowledge(id: update.id, generation: update.generation))
            }
            world.holdings.claim(fresh, for: holder(identity))
            inbound[identity]?.claimed.formUnion(fresh)
            emit(
                .bind(
                    PendingBinding(identity: identity, addresses: fresh, answer: (update.id, update.generation))))
        } catch {
            try refuse(update.id, update.generation, error)
        }
    }

    mutating func receive(_ renewal: Renewal, _ world: LinkWorld) throws(LinkFailure) {
        guard let link, let directory = world.directory else { return }
        guard let identity = try advance(renewal.id, renewal.generation), let current = inbound[identity]?.svid else {
            return
        }
        let verifier = ProofVerifier(link.epoch, peer: node.number, world: world, directory: directory, now: now.unix)
        do throws(ProofRefusal) {
            let svid = try verifier.verify(renewal, of: current).svid
            inbound[identity]?.svid = svid
            extendInbound(identity, link.deadline(of: svid, epoch: world.epoch, now: now))
            send(.acknowledge(id: renewal.id, generation: renewal.generation))
            report(.renewed(identity, notAfter: svid.notAfter))
        } catch {
            try refuse(renewal.id, renewal.generation, error)
        }
    }

    /// The identity of an announcement that an update is about; nil when the update was refused.
    private mutating func advance(_ id: UInt32, _ generation: UInt32) throws(LinkFailure) -> NumericIdentity? {
        guard let announcement = link?.incoming[id] else {
            try refuse(id, generation, ProofRefusal(reason: .unknownAnnouncement))
            return nil
        }
        guard generation > 0, generation - 1 == announcement.generation else {
            try refuse(id, generation, ProofRefusal(reason: .staleGeneration, identity: announcement.identity))
            return nil
        }
        link?.incoming.advance(id, to: generation)
        return announcement.identity
    }

    mutating func bound(_ pending: PendingBinding, _ succeeded: Bool, _ world: inout LinkWorld) {
        if succeeded {
            inbound[pending.identity]?.bound.formUnion(pending.addresses)
        } else {
            world.release(pending.addresses, of: holder(pending.identity))
            if pending.answer != nil { inbound[pending.identity]?.claimed.subtract(pending.addresses) }
        }
        guard let (id, generation) = pending.answer else { return }
        guard succeeded else {
            let refusal = ProofRefusal(reason: .noRoom, identity: pending.identity, addresses: pending.addresses)
            try? refuse(id, generation, refusal)
            return
        }
        send(.acknowledge(id: id, generation: generation))
    }

    /// Moves the deadline of the SA of this connection; those of earlier ones keep theirs.
    private mutating func extendInbound(_ identity: NumericIdentity, _ deadline: BootNanoseconds) {
        guard let last = inbound[identity]?.associations.indices.last,
            let association = inbound[identity]?.associations[last], association.origin?.connection == link?.id
        else { return }
        inbound[identity]?.associations[last].deadline = deadline
        emit(.extend(association.spi, .inbound, deadline))
    }

    // MARK: The sender's side of it

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
