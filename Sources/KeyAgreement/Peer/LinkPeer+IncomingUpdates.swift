internal import Addressing
internal import Identity

/// What the peer changes of what it announced.
extension LinkPeer {
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
}
