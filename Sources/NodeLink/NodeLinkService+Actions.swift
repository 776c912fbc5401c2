internal import Addressing
internal import Identity
internal import KeyAgreement

/// The machines' actions upon the world.
extension NodeLinkService {
    /// Performs them in order; returns the results, in the same order.
    func perform(_ actions: [LinkAction], for peer: NodeNumber) async -> [LinkInput] {
        var results: [LinkInput] = []
        for action in actions {
            if let result = await perform(action, peer) { results.append(result) }
        }
        return results
    }

    private func perform(_ action: LinkAction, _ peer: NodeNumber) async -> LinkInput? {
        switch action {
        case .dial(let id, let address, let port, let name): dial(id, peer, address, port, name)
        case .send(let id, let message): connections[id]?.channel?.send(message)
        case .close(let id, let failure): close(id, failure)
        case .report(let event): report(event, peer)
        case .probe(let spi): return await sink.hasReceived(spi: spi) ? .heard(spi) : nil
        default: return await performOnSink(action, peer)
        }
        return nil
    }

    private func performOnSink(_ action: LinkAction, _ peer: NodeNumber) async -> LinkInput? {
        switch action {
        case .reserveInbound(let pending): return .reserved(pending, await reserve(pending, peer))
        case .installInbound(let sa, let addresses, let pending):
            return .installedInbound(pending, sa, succeeded: await install(sa, binding: addresses))
        case .installOutbound(let sa, let pending):
            return .installedOutbound(pending, sa, succeeded: await install(sa))
        case .bind(let binding):
            return .bound(binding, succeeded: await bind(peer, binding.identity, binding.addresses))
        case .unbind(let identity, let addresses):
            let succeeded = await attempt("unbind", peer) {
                try await $0.unbind(peer: peer, identity: identity, addresses: addresses)
            }
            // What could not be unbound stays held, so that nobody else gets it.
            return succeeded ? .unbound(identity, addresses) : nil
        case .setPeer(let address, let espPort):
            let succeeded = await attempt("set peer", peer) {
                try await $0.setPeer(peer, address: address, espPort: espPort)
            }
            return .placed(succeeded: succeeded)
        default: await change(action, peer)
        }
        return nil
    }

    private func change(_ action: LinkAction, _ peer: NodeNumber) async {
        switch action {
        case .extend(let spi, let direction, let deadline):
            await attempt("extend", peer) {
                try await $0.extend(spi: spi, direction: direction, peer: peer, deadline: deadline)
            }
        case .retireInbound(let spi): await attempt("retire inbound", peer) { try await $0.retireInbound(spi: spi) }
        case .retireOutbound(let identity):
            await attempt("retire outbound", peer) { try await $0.retireOutbound(peer: peer, identity: identity) }
        case .removePeer: await attempt("remove peer", peer) { try await $0.removePeer(peer) }
        default: break
        }
    }

    // MARK: The sink

    private func reserve(_ pending: PendingAcceptance, _ peer: NodeNumber) async -> SPI? {
        do {
            return try await sink.reserveInbound(peer: peer, identity: pending.identity)
        } catch {
            sinkFailed("reserve inbound", peer, error)
            return nil
        }
    }

    private func install(_ sa: InboundSA, binding addresses: [IPAddress]) async -> Bool {
        guard await attempt("install inbound", sa.peer, { try await $0.installInbound(sa) }) else {
            await attempt("retire inbound", sa.peer) { try await $0.retireInbound(spi: sa.spi) }
            return false
        }
        guard await bind(sa.peer, sa.identity, addresses) else {
            await attempt("retire inbound", sa.peer) { try await $0.retireInbound(spi: sa.spi) }
            return false
        }
        return true
    }

    private func install(_ sa: OutboundSA) async -> Bool {
        await attempt("install outbound", sa.peer) {
            try await $0.installOutbound(sa)
            try await $0.activateOutbound(spi: sa.spi, peer: sa.peer, identity: sa.identity)
        }
    }

    private func bind(_ peer: NodeNumber, _ identity: NumericIdentity, _ addresses: [IPAddress]) async -> Bool {
        guard !addresses.isEmpty else { return true }
        return await attempt("bind", peer) {
            try await $0.bind(peer: peer, identity: identity, addresses: addresses)
        }
    }

    @discardableResult
    private func attempt(
        _ operation: String, _ peer: NodeNumber, _ body: @Sendable (any SecurityAssociationSink) async throws -> Void
    ) async -> Bool {
        do {
            try await body(sink)
            return true
        } catch {
            sinkFailed(operation, peer, error)
            return false
        }
    }

    private func sinkFailed(_ operation: String, _ peer: NodeNumber, _ error: any Error) {
        observe(.sinkFailed(peer, operation: operation, reason: "\(error)"))
    }

    // MARK: The journal

    private func report(_ event: LinkEvent, _ peer: NodeNumber) {
        guard let id = runners[peer]?.machine.node.id else { return }
        observe(.peer(peer, id, event))
        resumeRekeys(peer, event)
    }
}
