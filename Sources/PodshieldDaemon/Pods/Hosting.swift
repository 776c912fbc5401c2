import Addressing
import Identity
import KeyAgreement
import NodeIdentity
import NodeLink

/// Tells authority and peers what this node hosts. One telling at a time; those asked for meanwhile become one.
actor Hosting {
    typealias Telling = Task<ToldPods, Never>

    private let parts: NodeParts
    private var running: Telling?
    private var waiting: Telling?
    /// What the authority has been told; nil before it was.
    private var leased: Set<IPPrefix>?
    private var leasing: Task<Void, Never>?

    init(_ parts: NodeParts) { self.parts = parts }

    /// Returns once connected peers know what `pods` answers at some time after the call, or were given time enough.
    func publish(_ pods: @escaping @Sendable () async -> [HeldPod]) async -> ToldPods {
        if let waiting { return await waiting.value }
        let previous = running
        let telling = Telling {
            _ = await previous?.value
            return await self.tell(pods)
        }
        waiting = telling
        return await telling.value
    }

    private func tell(_ pods: @Sendable () async -> [HeldPod]) async -> ToldPods {
        running = waiting
        waiting = nil
        let pods = await pods()
        // Peers believe an address once the directory leases it to us, so what is new is leased before it is announced;
        // what has gone is withdrawn before, and without waiting for the authority.
        if await !known().isSuperset(of: pods.leases) { await lease(pods.leases).value }
        let outcome = await parts.link.host(pods.workloads)
        if pods.leases != leased { lease(pods.leases) }
        return ToldPods(
            pods.map(ToldPods.Pod.init), quarantined: outcome.quarantined, released: outcome.released)
    }

    /// What peers know to be leased to us. Of an earlier run that is in the directory.
    private func known() async -> Set<IPPrefix> {
        if let leased { return leased }
        guard let directory = await parts.identity.currentDirectory,
            let own = await parts.identity.status().membership?.number
        else { return [] }
        return Set(directory.leases.filter { $0.node.rawValue == own }.map(\.prefix))
    }

    /// Peers get the directory when we do. One that is later refuses what we announce, and takes it once we ask again.
    private func waitForDirectory(_ revision: UInt64) async {
        let deadline = ContinuousClock.now + .seconds(1)
        while await parts.identity.currentDirectory?.revision ?? 0 < revision, .now < deadline {
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    /// One after another, so that the last is what the authority keeps.
    @discardableResult
    private func lease(_ prefixes: Set<IPPrefix>) -> Task<Void, Never> {
        let previous = leasing
        // What is given up does not count from now on, though the authority may hear of it only when it is wanted again.
        leased?.formIntersection(prefixes)
        let task = Task {
            await previous?.value
            // What does not reach the authority now is said again by itself with the next connection.
            guard let report = try? await parts.identity.setLeases(prefixes) else { return }
            leased = prefixes
            await waitForDirectory(report.revision)
        }
        leasing = task
        return task
    }
}
