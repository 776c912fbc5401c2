internal import Identity

/// What happens because time has passed.
extension LinkPeer {
    /// When `tick` has something to do; nil for never.
    package func nextWake(_ world: LinkWorld) -> BootNanoseconds? {
        var times = attempts.values.map { timeout(of: $0, world) }
        times += [dialDue(world), link.map { linkDue($0, world) }, probeDue, placeAt, openRefusalsDue(world)]
            .compactMap(\.self)
        times += retries.values.map(\.at).filter { $0 > now.boot }
        times += (link?.outgoing.announcements.values.map(\.switchAt) ?? []).filter { $0 > now.boot && $0 < .max }
        times += inbound.values.flatMap { $0.associations.map(\.end) }
        times += outbound.values.map(\.deadline)
        return times.min()
    }

    mutating func tick(_ world: LinkWorld) {
        for (id, attempt) in attempts where timeout(of: attempt, world) <= now.boot {
            close(id, .handshakeTimedOut, world)
        }
        watchLink(world)
        if let placeAt, placeAt <= now.boot { place() }
        retry()
        judgeOpenRefusals(world)
        expireInbound()
        for identity in outbound.keys.sorted() where outbound[identity]?.deadline ?? .max <= now.boot {
            retireOutbound(identity, .expired)
        }
        probe(world)
    }

    // MARK: Connections

    /// A dial has the driver's own limits; ours is behind them.
    private func timeout(of attempt: LinkAttempt, _ world: LinkWorld) -> BootNanoseconds {
        attempt.started.adding(world.timing.handshake * (attempt.secured == nil ? 3 : 1))
    }

    private func linkDue(_ link: LinkConnection, _ world: LinkWorld) -> BootNanoseconds {
        let silence = world.timing.keepalive * (link.isPinged ? 3 : 1)
        return min(
            link.lastHeard.adding(silence), link.confirmed.adding(world.epoch * 2), now.boot(at: link.certificatesEnd))
    }

    private mutating func watchLink(_ world: LinkWorld) {
        guard let link, linkDue(link, world) <= now.boot else { return }
        if link.certificatesEnd <= now.unix {
            close(link.id, .notTrusted(.expired(depth: 0)), world)
        } else if link.confirmed.adding(world.epoch * 2) <= now.boot {
            close(link.id, .epochEnded, world)
        } else if link.isPinged {
            close(link.id, .silent, world)
        } else {
            self.link?.isPinged = true
            send(.ping(now.boot))
        }
    }

    // MARK: Announcements

    private mutating func retry() {
        for (identity, retry) in retries where retry.at <= now.boot { stale.add(identity) }
        for announcement in link?.outgoing.announcements.values.map(\.self) ?? []
        where announcement.isAccepted && !announcement.isSwitched && announcement.switchAt <= now.boot {
            stale.add(announcement.identity)
        }
    }

    // MARK: SAs

    private mutating func expireInbound() {
        let moment = now.boot
        for identity in inbound.keys.sorted() {
            retireAssociations(of: identity) { $0.end <= moment }
            if inbound[identity]?.associations.isEmpty == true { drop(identity, .expired, telling: .invalidSVID) }
        }
    }

    /// Whose sender may be unable to say that it has switched is looked at.
    private var probeDue: BootNanoseconds? {
        inbound.values.contains { !$0.unheard.isEmpty } ? probeAt ?? now.boot : nil
    }

    private mutating func probe(_ world: LinkWorld) {
        guard let due = probeDue, due <= now.boot else { return }
        probeAt = now.boot.adding(world.timing.overdue)
        for identity in inbound.keys.sorted() { lookForPackets(of: identity) }
    }

    mutating func lookForPackets(of identity: NumericIdentity) {
        for spi in inbound[identity]?.unheard ?? [] { emit(.probe(spi)) }
    }
}
