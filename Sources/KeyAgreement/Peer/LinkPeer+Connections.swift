internal import Identity

extension LinkPeer {
    // MARK: To a confirmed epoch

    mutating func begin(_ id: ConnectionID, _ secured: SecuredConnection, _ world: LinkWorld) {
        let isOurs = secured.parties.role == .client
        guard !isOurs || attempts[id] != nil else { return emit(.close(id, .superseded)) }
        guard let own = world.directory?.node(secured.parties.local.id) else {
            return refuse(id, isOurs, .notInDirectory(secured.parties.local.id), world)
        }
        guard secured.peerSVID.id == node.id else {
            return refuse(id, isOurs, .notInDirectory(secured.peerSVID.id), world)
        }
        guard wins(id, isOurs) else { return }
        let hello = Hello(node: own.number, bootID: world.bootID, versions: world.versions)
        let handshake = EpochHandshake(
            parties: secured.parties, exporter: secured.exporter, hello: hello, peerNumber: node.number,
            entropy: world.entropy)
        attempts[id] = LinkAttempt(phase: .handshaking(secured, handshake), started: now.boot)
        emit(.send(id, .hello(hello)))
    }

    private mutating func refuse(_ id: ConnectionID, _ isOurs: Bool, _ failure: LinkFailure, _ world: LinkWorld) {
        emit(.close(id, failure))
        if isOurs { fail(attempts.removeValue(forKey: id), failure, world) } else { report(.connectionEnded(failure)) }
    }

    /// Of two unconfirmed connections that crossed, the one that the smaller name dialled stays, at both ends; of two from
    /// one side the newer.
    private mutating func wins(_ id: ConnectionID, _ isOurs: Bool) -> Bool {
        for (other, attempt) in attempts where other != id && attempt.secured != nil {
            let isCrossed = attempt.isOurs != isOurs
            if isCrossed, attempt.isOurs == isDialer {
                attempts[id] = nil
                emit(.close(id, .crossed))
                return false
            }
            attempts[other] = nil
            emit(.close(other, isCrossed ? .crossed : .superseded))
        }
        return true
    }

    private mutating func shake(_ id: ConnectionID, _ message: LinkMessage, _ world: LinkWorld) throws(LinkFailure) {
        guard var attempt = attempts[id], case .handshaking(let secured, var handshake) = attempt.phase else { return }
        let step = try handshake.receive(message)
        attempt.phase = .handshaking(secured, handshake)
        attempts[id] = attempt
        for message in step.send { emit(.send(id, message)) }
        if let epoch = step.epoch { confirm(id, secured, epoch, world) }
    }

    private mutating func confirm(_ id: ConnectionID, _ secured: SecuredConnection, _ epoch: Epoch, _ world: LinkWorld)
    {
        attempts[id] = nil
        // What else is under way was meant for the same.
        for other in attempts.keys { emit(.close(other, .superseded)) }
        attempts = [:]
        let isRekey = link != nil
        if let old = link { emit(.close(old.id, .superseded)) }
        if let peerBootID, peerBootID != epoch.peerHello.bootID { forgetAssociations() }
        peerBootID = epoch.peerHello.bootID
        dialing.confirmed()
        lastError = nil
        var connection = LinkConnection(
            id: id, secured: secured, epoch: epoch, confirmed: now.boot, rekeyAt: now.boot, lastHeard: now.boot)
        connection.rekeyAt = now.boot.adding(rekeyInterval(connection, world))
        link = connection
        stale.addAll()
        for identity in retries.keys { retries[identity]?.beginAnew() }
        // The way there may be another than when it was told last.
        place()
        let summary = EpochSummary(
            role: secured.parties.role, version: epoch.agreement.version, suite: epoch.agreement.suite,
            postQuantum: epoch.agreement.postQuantum, tlsGroup: secured.tlsGroup, isRekey: isRekey)
        report(.epochConfirmed(epoch.id, summary))
    }

    /// The epoch, and no more than half of what is left of the nodes' certificates, so that several tries fit into the rest.
    private func rekeyInterval(_ connection: LinkConnection, _ world: LinkWorld) -> Duration {
        let left = Duration.seconds(connection.certificatesEnd - now.unix)
        let interval = max(min(world.epoch, left / 2), min(world.epoch, .seconds(5)))
        return interval * (0.9 + world.entropy.fraction() / 10)
    }

    /// The peer has booted since: its keys are gone, and who still sends with them is not it.
    private mutating func forgetAssociations() {
        for identity in inbound.keys.sorted() { drop(identity, .peerRebooted) }
        for identity in outbound.keys.sorted() { retireOutbound(identity, .peerRebooted) }
    }

    // MARK: Messages

    mutating func receive(_ message: LinkMessage, on id: ConnectionID, _ world: inout LinkWorld) {
        do throws(LinkFailure) {
            if case .close(let reason) = message {
                emit(.close(id, .peerClosed(reason)))
                return end(id, .peerClosed(reason), world)
            }
            guard link?.id == id else { return try shake(id, message, world) }
            link?.lastHeard = now.boot
            link?.isPinged = false
            try receive(message, &world)
        } catch {
            close(id, error, world)
        }
    }

    private mutating func receive(_ message: LinkMessage, _ world: inout LinkWorld) throws(LinkFailure) {
        switch message {
        case .announce(let announce): try receive(announce, &world)
        case .addresses(let update): try receive(update, &world)
        case .renew(let renewal): try receive(renewal, world)
        case .withdraw(let id): receiveWithdrawal(id)
        case .switched(let id, let spi): try receiveSwitched(id, spi, world)
        case .complete: try receiveComplete()
        case .accept(let acceptance): try receive(acceptance)
        case .refuse(let refusal): try receive(refusal, world)
        case .acknowledge(let id, let generation): try receiveAcknowledgement(id, generation, world)
        case .withdrawn(let id): try receiveWithdrawn(id)
        case .completed: try receiveCompleted()
        case .ping(let token): send(.pong(token))
        case .pong: break
        case .hello, .kemOffer, .kemAnswer, .confirm, .close: throw .unexpectedMessage(type: message.type)
        }
    }

    /// On the connection in use.
    mutating func send(_ message: LinkMessage) {
        if let link { emit(.send(link.id, message)) }
    }

    // MARK: The end of connections

    mutating func close(_ id: ConnectionID, _ failure: LinkFailure, _ world: LinkWorld) {
        emit(.close(id, failure))
        end(id, failure, world)
    }

    /// Removes the connection, and nothing else: SAs stay.
    mutating func end(_ id: ConnectionID, _ failure: LinkFailure, _ world: LinkWorld) {
        if link?.id == id {
            link = nil
            lastError = "\(failure)"
            dialing.lost(now.boot, world.timing, chance: world.entropy.fraction())
            // The other end sees a new epoch confirmed one message earlier.
            let isReplaced = failure == .peerClosed(.superseded) && !attempts.isEmpty
            report(isReplaced ? .connectionEnded(failure) : .linkLost(failure))
        } else if let attempt = attempts.removeValue(forKey: id) {
            fail(attempt, failure, world)
        }
    }

    private mutating func fail(_ attempt: LinkAttempt?, _ failure: LinkFailure, _ world: LinkWorld) {
        guard let attempt, attempt.isOurs else { return report(.connectionEnded(failure)) }
        dialing.failed(
            now.boot, world.timing, atMost: world.withinEpoch(world.timing.longestBackoff),
            chance: world.entropy.fraction())
        // Another connection is on its way, perhaps not seen here yet.
        if failure == .peerClosed(.crossed) || failure == .peerClosed(.superseded) {
            return report(.connectionEnded(failure))
        }
        lastError = "\(failure)"
        report(.dialFailed(failure))
    }

    mutating func closeAll(_ failure: LinkFailure) {
        for id in attempts.keys { emit(.close(id, failure)) }
        if let link { emit(.close(link.id, failure)) }
        attempts = [:]
        link = nil
    }

    // MARK: Time

    /// When to dial, or nil for never or not now.
    func dialDue(_ world: LinkWorld) -> BootNanoseconds? {
        guard attempts.isEmpty else { return nil }
        return dialing.due(
            rekeyAt: link?.rekeyAt, wanted: world.preconnect || !inbound.isEmpty || !outbound.isEmpty,
            isDialer: isDialer, patience: world.withinEpoch(world.timing.overdue))
    }

    /// The next epoch is due now. Its SAs take the place of all of this one; those of earlier ones are on their way out.
    mutating func worn(_ identity: NumericIdentity, _ spi: SPI) {
        guard let link, link.rekeyAt > now.boot, let association = outbound[identity], association.spi == spi,
            association.origin?.connection == link.id
        else { return }
        self.link?.rekeyAt = now.boot
        report(.worn(identity, spi))
    }

    mutating func dialIfDue(_ world: inout LinkWorld) {
        guard let due = dialDue(world), due <= now.boot else { return }
        let id = world.makeConnectionID()
        attempts[id] = LinkAttempt(phase: .dialing, started: now.boot)
        emit(.dial(id, address: node.address, port: node.linkPort, id: node.id))
    }

    mutating func identityChanged(_ world: LinkWorld) {
        guard let rekeyAt = link?.rekeyAt else { return }
        let soon = now.boot.adding(min(.seconds(5), world.epoch / 10) * world.entropy.fraction())
        link?.rekeyAt = min(rekeyAt, soon)
    }
}
