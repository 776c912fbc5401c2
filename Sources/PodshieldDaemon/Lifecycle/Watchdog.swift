import NIOCore

/// Feeds the service manager's watchdog as long as everything that must move does: each event loop of the sockets, and each
/// of the actors that packets and identities depend on. One that hangs ends the feeding, whatever the others do.
struct Watchdog: Sendable {
    /// Within which the watchdog must be fed.
    let interval: Duration
    let loops: any EventLoopGroup
    let actors: [any Actor]
    let feed: @Sendable () -> Void

    /// Runs until it is cancelled, or for as long as something hangs.
    func run() async {
        while !Task.isCancelled {
            await everythingMoved()
            feed()
            try? await Task.sleep(for: interval / 3)
        }
    }

    private func everythingMoved() async {
        await withDiscardingTaskGroup { group in
            for loop in loops.makeIterator() { group.addTask { _ = try? await loop.submit {}.get() } }
            for actor in actors { group.addTask { await Self.haveTurn(of: actor) } }
        }
    }

    /// The check is what no optimizer may leave out.
    private static func haveTurn(of actor: isolated any Actor) { actor.preconditionIsolated() }
}
