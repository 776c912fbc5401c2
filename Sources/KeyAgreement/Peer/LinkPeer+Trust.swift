internal import Addressing
internal import Identity
internal import OpenSSLBinding

/// What was believed is looked at again when what it rests on changes.
extension LinkPeer {
    // MARK: Certificates

    mutating func trustChanged(_ rootsLost: Bool, _ world: LinkWorld) {
        var judge = Judge(verifier: SVIDVerifier(bundle: world.bundle), now: now.unix)
        for identity in inbound.keys.sorted() { review(identity, &judge, rootsLost) }
        for (identity, association) in outbound.sorted(by: { $0.key < $1.key }) {
            if let cause = judge.objection(to: association.origin, rootsLost) { retireOutbound(identity, cause) }
        }
        for (id, attempt) in attempts {
            guard let svid = attempt.secured?.peerSVID, let rejection = judge.rejection(of: svid) else { continue }
            close(id, .notTrusted(rejection), world)
        }
        if let link, let rejection = judge.rejection(of: link.secured.peerSVID) {
            close(link.id, .notTrusted(rejection), world)
        }
    }

    /// A proof stands and falls with the workload's certificate, an SA with that of the node it was agreed with too.
    private mutating func review(_ identity: NumericIdentity, _ judge: inout Judge, _ rootsLost: Bool) {
        guard let holding = inbound[identity] else { return }
        if let svid = holding.svid, let rejection = judge.rejection(of: svid) {
            return drop(identity, .notTrusted(rejection), telling: .invalidSVID)
        }
        var objections: [SPI: WithdrawalCause] = [:]
        for association in holding.associations {
            objections[association.spi] = judge.objection(to: association.origin, rootsLost)
        }
        retireAssociations(of: identity) { objections[$0.spi] != nil }
        if inbound[identity]?.associations.isEmpty == true, let cause = objections.values.first {
            drop(identity, cause, telling: .invalidSVID)
        }
    }

    /// Verifies each certificate once.
    private struct Judge {
        let verifier: SVIDVerifier
        let now: Int64
        private var judgements: [[UInt8]: SVIDRejection?] = [:]

        init(verifier: SVIDVerifier, now: Int64) {
            self.verifier = verifier
            self.now = now
        }

        mutating func rejection(of svid: X509SVID) -> SVIDRejection? {
            if let known = judgements[svid.leaf.sha256] { return known }
            var rejection: SVIDRejection?
            do throws(SVIDRejection) {
                _ = try verifier.verify(issued: svid.chain, at: now)
            } catch {
                rejection = error
            }
            judgements[svid.leaf.sha256] = .some(rejection)
            return rejection
        }

        /// What an earlier run left has no certificate to look at: it goes with the first root that does.
        mutating func objection(to origin: AssociationOrigin?, _ rootsLost: Bool) -> WithdrawalCause? {
            guard let origin else { return rootsLost ? .unvouched : nil }
            return rejection(of: origin.peerSVID).map { .notTrusted($0) }
        }
    }

    // MARK: The directory

    mutating func directoryChanged(_ world: inout LinkWorld) {
        guard let directory = world.directory else { return }
        for identity in inbound.keys.sorted() {
            if let id = inbound[identity]?.svid?.id, let known = directory.workload(identity), known != id {
                drop(identity, .identityMismatch, telling: .identityMismatch)
            } else {
                reviewAddresses(of: identity, AddressRules(world, directory), &world)
            }
        }
        for identity in retries.keys {
            retries[identity]?.hurry()
            stale.add(identity)
        }
    }

    mutating func claimAgain(_ world: inout LinkWorld) {
        guard let directory = world.directory else { return }
        for (identity, holding) in inbound.sorted(by: { $0.key < $1.key }) where holding.claimed != holding.bound {
            reviewAddresses(of: identity, AddressRules(world, directory), &world)
        }
    }

    /// Binds of what was claimed that which the leases allow now, and no more.
    private mutating func reviewAddresses(
        of identity: NumericIdentity, _ rules: AddressRules, _ world: inout LinkWorld
    ) {
        guard let holding = inbound[identity] else { return }
        let holder = holder(identity)
        let objections = holding.claimed.filter { rules.objection(to: $0, of: holder) != nil }
        for address in objections where world.holdings.holder(of: address) != holder { world.holdings.contest(address) }
        let allowed = holding.claimed.subtracting(objections)
        let gone = holding.bound.subtracting(allowed).sorted()
        let fresh = allowed.subtracting(holding.bound).sorted()
        inbound[identity]?.bound.subtract(gone)
        if !gone.isEmpty { emit(.unbind(identity, gone)) }
        guard !fresh.isEmpty else { return }
        world.holdings.claim(fresh, for: holder)
        emit(.bind(PendingBinding(identity: identity, addresses: fresh, answer: nil)))
    }

    // MARK: An earlier run

    /// A sender has left what it used before what it used last; to what it has not used yet it may be about to switch.
    mutating func adopt(_ associations: [AdoptedSA], _ world: inout LinkWorld) {
        for sa in associations.sorted(by: { ($0.lastUsed ?? .max, $0.deadline) < ($1.lastUsed ?? .max, $1.deadline) }) {
            switch sa.direction {
            case .outbound:
                outbound[sa.identity] = OutboundAssociation(spi: sa.spi, deadline: sa.deadline, origin: nil)
            case .inbound:
                var holding =
                    inbound[sa.identity] ?? InboundHolding(svid: nil, claimed: [], bound: [], associations: [])
                holding.claimed.formUnion(sa.addresses)
                holding.bound.formUnion(sa.addresses)
                holding.associations.append(
                    InboundAssociation(
                        spi: sa.spi, order: 0, deadline: sa.deadline, origin: nil, isUsed: sa.lastUsed != nil))
                if sa.lastUsed != nil { holding.retireBefore(sa.spi, at: now.boot.adding(world.timing.grace)) }
                inbound[sa.identity] = holding
                world.holdings.claim(sa.addresses, for: holder(sa.identity))
            }
        }
    }

    /// What to do with what an earlier run left of a peer that is none any more.
    package static func farewell(to associations: [AdoptedSA]) -> [LinkAction] {
        associations.flatMap { sa -> [LinkAction] in
            switch sa.direction {
            case .inbound: [.unbind(sa.identity, sa.addresses), .retireInbound(sa.spi)]
            case .outbound: [.retireOutbound(sa.identity)]
            }
        } + [.removePeer]
    }
}
