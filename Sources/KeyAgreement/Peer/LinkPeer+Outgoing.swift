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
            // The peer gives up what is not announced on a newer connection.
            if addresses.isEmpty { retireOutbound(identity, .withdrawn) }
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
}
