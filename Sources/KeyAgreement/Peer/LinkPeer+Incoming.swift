internal import Addressing
internal import Identity

/// What the peer announces.
extension LinkPeer {
    mutating func receive(_ announce: Announce, _ world: inout LinkWorld) throws(LinkFailure) {
        guard let link, let directory = world.directory else { return }
        try self.link?.incoming.admit(announce.id)
        let verifier = ProofVerifier(link.epoch, peer: node.number, world: world, directory: directory, now: now.unix)
        do throws(ProofRefusal) {
            let proven = try verifier.verify(announce) { inbound[$0]?.svid?.id }
            guard link.incoming.ids[proven.identity] == nil else {
                throw ProofRefusal(reason: .duplicateIdentity, identity: proven.identity)
            }
            world.holdings.claim(proven.addresses, for: holder(proven.identity))
            // Who announces anew switches to nothing older any more: what it uses now shows which may go for the new one.
            lookForPackets(of: proven.identity)
            emit(
                .reserveInbound(
                    PendingAcceptance(
                        connection: link.id, id: announce.id, senderNonce: announce.nonce, proven: proven)))
        } catch {
            spare(error, announcing: announce.addresses)
            try refuse(announce.id, 0, error)
        }
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
        installedAssociations += 1
        holding.associations.append(
            InboundAssociation(spi: sa.spi, order: installedAssociations, deadline: sa.deadline, origin: origin))
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

    mutating func refuse(_ id: UInt32, _ generation: UInt32, _ refusal: ProofRefusal) throws(LinkFailure) {
        send(
            .refuse(
                Refusal(id: id, generation: generation, reason: refusal.reason, addresses: refusal.addresses)))
        if !postpone(refusal) {
            report(
                .refused(refusal.identity, refusal.reason, addresses: refusal.addresses, detail: refusal.detail))
        }
        try link?.incoming.countRefusal()
    }

    /// Whether it is looked at again before anything is said of it.
    private mutating func postpone(_ refusal: ProofRefusal) -> Bool {
        guard refusal.reason.mayBeEarly, let identity = refusal.identity else { return false }
        return openRefusals.add(
            .init(
                identity: identity, reason: refusal.reason, addresses: Set(refusal.addresses), since: now.boot))
    }

    /// Tells of what is not so even by the directory that must have come since.
    mutating func judgeOpenRefusals(_ world: LinkWorld) {
        guard let directory = world.directory, let due = openRefusalsDue(world), due <= now.boot else { return }
        let rules = AddressRules(world, directory)
        for refused in openRefusals.take(until: now.boot - world.timing.directoryLag.nanoseconds) {
            let wrong = refused.addresses.filter { rules.objection(to: $0, of: holder(refused.identity)) != nil }
            guard !wrong.isEmpty else { continue }
            report(.refused(refused.identity, refused.reason, addresses: wrong.sorted(), detail: ""))
        }
    }

    func openRefusalsDue(_ world: LinkWorld) -> BootNanoseconds? {
        openRefusals.since.map { $0.adding(world.timing.directoryLag) }
    }
}
