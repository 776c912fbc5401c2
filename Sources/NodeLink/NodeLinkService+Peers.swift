internal import Identity
internal import KeyAgreement
internal import SecureTransport

extension NodeLinkService {
    var now: LinkTime { LinkTime(boot: environment.bootNanoseconds(), unix: identity.now()) }

    // MARK: Who there is

    /// A machine for every node of the directory but this one, and for no other.
    func syncPeers() {
        guard isRunning, let directory = world.directory, let local = (try? identity.current())?.svid.id else { return }
        for number in runners.keys where directory.nodes[number] == nil { enqueue(.removed, to: number) }
        for (number, node) in directory.nodes where node.id != local {
            if runners[number] == nil {
                runners[number] = PeerRunner(LinkPeer(node, localID: local, now: now))
                enqueue(.started(adopted.removeValue(forKey: number) ?? []), to: number)
            } else {
                enqueue(.node(node), to: number)
            }
        }
        forgetStrangers()
    }

    /// What an earlier run left of nodes that the directory has no longer.
    func forgetStrangers() {
        let strangers = adopted
        adopted = [:]
        guard !strangers.isEmpty else { return }
        Task {
            for (number, associations) in strangers {
                _ = await perform(LinkPeer.farewell(to: associations), for: number)
                world.cannotReachUs(number)
            }
            tellOfFreedAddresses()
        }
    }

    // MARK: Inputs

    func enqueue(_ input: LinkInput, to number: NodeNumber) { enqueue(.input(input), to: number) }

    func enqueueAll(_ input: LinkInput) {
        for number in runners.keys { enqueue(input, to: number) }
    }

    func enqueue(_ item: PeerRunner.Item, to number: NodeNumber) {
        guard isRunning, runners[number] != nil else { return }
        runners[number]?.append(item)
        guard runners[number]?.isDraining == false else { return }
        runners[number]?.isDraining = true
        Task { await drain(number) }
    }

    private func drain(_ number: NodeNumber) async {
        while isRunning, let item = runners[number]?.next() {
            switch item {
            case .resume(let id): resume(id, number)
            case .input(.removed): return await remove(number)
            case .input(let input): await handle(input, number)
            }
            // However much one peer has said, the others are heard in between.
            await Task.yield()
        }
        runners[number]?.isDraining = false
        setAlarm(number)
    }

    /// Verifying is what costs us most: who has a lot refused waits, so that the others need not.
    private func resume(_ id: ConnectionID, _ number: NodeNumber) {
        let refused = runners[number]?.takeRefusals() ?? 0
        guard refused > 0 else {
            connections[id]?.channel?.resume()
            return
        }
        Task {
            try? await Task.sleep(for: settings.timing.refusal * refused)
            connections[id]?.channel?.resume()
        }
    }

    private func handle(_ input: LinkInput, _ number: NodeNumber) async {
        guard let actions = step(input, number) else { return }
        confirmLink(number)
        let results = await perform(actions, for: number)
        if case .ended(let id, _) = input { connections[id] = nil }
        runners[number]?.prepend(results)
        resumeAcknowledged()
    }

    /// One step of the peer's machine. What it frees concerns all.
    private func step(_ input: LinkInput, _ number: NodeNumber) -> [LinkAction]? {
        let (freed, unbound) = (world.freedAddresses, world.unboundAddresses)
        let actions = runners[number]?.machine.handle(input, at: now, in: &world)
        if world.freedAddresses != freed { tellOfFreedAddresses() }
        if world.unboundAddresses != unbound { enqueueAll(.addressesUnbound) }
        return actions
    }

    private func tellOfFreedAddresses() {
        enqueueAll(.hostingChanged)
        freedSource.yield()
    }

    private func remove(_ number: NodeNumber) async {
        runners[number]?.alarm?.cancel()
        for result in await perform(step(.removed, number) ?? [], for: number) { _ = step(result, number) }
        // What was secured meanwhile no machine will ever hear of.
        for (id, connection) in connections where connection.peer == number { close(id, .unknownNode(number)) }
        runners[number] = nil
        waiters.resumeRekeys(.failure(.unknownNode(number))) { $0.node == number }
        resumeAcknowledged()
        // It may have come back meanwhile.
        syncPeers()
    }

    /// Tells the peer; nothing is removed.
    func stop(_ number: NodeNumber) {
        runners[number]?.alarm?.cancel()
        for action in runners[number]?.machine.handle(.stopped, at: now, in: &world) ?? [] {
            if case .close(let id, let failure) = action { close(id, failure) }
        }
    }

    private func setAlarm(_ number: NodeNumber) {
        runners[number]?.alarm?.cancel()
        guard let time = runners[number]?.machine.nextWake(world) else { return }
        let current = environment.bootNanoseconds()
        // A moment later rather than just before.
        let delay = Duration.nanoseconds(Int64(clamping: time - min(time, current))) + .milliseconds(1)
        runners[number]?.alarm = Task {
            guard (try? await Task.sleep(for: delay)) != nil else { return }
            enqueue(.tick, to: number)
        }
    }

    /// A connection with a confirmed epoch is no stranger's.
    private func confirmLink(_ number: NodeNumber) {
        guard let id = runners[number]?.machine.linkID, connections[id]?.isConfirmed == false else { return }
        connections[id]?.isConfirmed = true
        connections[id]?.channel?.confirm()
    }

    // MARK: Waiting

    func unacknowledged(_ revision: UInt64) -> [NodeNumber] {
        runners.filter { $0.value.machine.linkID != nil && $0.value.machine.acknowledgedRevision < revision }.keys
            .sorted()
    }

    func untilAcknowledged(_ revision: UInt64) async {
        guard isRunning, !unacknowledged(revision).isEmpty else { return }
        let id = waiters.nextID()
        let timer = Task {
            guard (try? await Task.sleep(for: settings.timing.acknowledgement)) != nil else { return }
            waiters.resumeHosting { $0.id == id }
        }
        await withCheckedContinuation {
            waiters.add(Waiters.Hosting(id: id, revision: revision, continuation: $0))
        }
        timer.cancel()
    }

    private func resumeAcknowledged() {
        guard !waiters.hosting.isEmpty else { return }
        waiters.resumeHosting { unacknowledged($0.revision).isEmpty }
    }

    func rekeyed(_ node: NodeNumber) async -> Result<EpochID, LinkFailure> {
        guard isRunning, runners[node] != nil else { return .failure(.unknownNode(node)) }
        let id = waiters.nextID()
        let timer = Task {
            guard (try? await Task.sleep(for: settings.timing.handshake * 2)) != nil else { return }
            waiters.resumeRekeys(.failure(.handshakeTimedOut)) { $0.id == id }
        }
        defer { timer.cancel() }
        return await withCheckedContinuation {
            waiters.add(Waiters.Rekey(id: id, node: node, continuation: $0))
            enqueue(.rekey, to: node)
        }
    }

    func resumeRekeys(_ number: NodeNumber, _ event: LinkEvent) {
        switch event {
        case .epochConfirmed(let id, _): waiters.resumeRekeys(.success(id)) { $0.node == number }
        case .dialFailed(let failure): waiters.resumeRekeys(.failure(failure)) { $0.node == number }
        default: break
        }
    }
}
