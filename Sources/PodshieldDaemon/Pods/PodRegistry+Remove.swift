import Datapath
import LinuxBinding
import NodeIdentity
import PodState
import Telemetry

extension PodRegistry {
    /// Lets a pod go: its packets stop first, then peers are told, then the authority.
    func remove(_ name: String, namespace: String?) async throws(PodError) -> HeldPod {
        let found = try find(name, namespace: namespace)
        await takeTurn(found)
        defer { endTurn(found) }
        guard let pod = pods[found] else { throw .notFound(name, nearest: []) }
        await parts.uplinks.ceasesToBePod(pod.record.device.index)
        do throws(DatapathError) {
            try await parts.datapath.removePod(ifindex: pod.record.device.index)
        } catch {
            throw .datapath(found, error)
        }
        let saved = await forget(pod)
        parts.telemetry.record(.podRemoved(found))
        try saved.get()
        return pod
    }

    /// Answers whether a next run will know, too. Streams of its processes, and of brokers, hear it before peers do: those may take
    /// their time.
    private func forget(_ pod: HeldPod) async -> Result<Void, PodError> {
        pods[pod.record.name] = nil
        parts.identity.podsChanged()
        if let issued = pod.issued { former.formUnion(pod.record.holdings(of: issued.identity)) }
        let saved = Result { () throws(PodError) in try save() }
        await announce()
        await parts.identity.release(pod.record.name)
        return saved
    }

    // MARK: Devices that go by themselves

    func deviceDisappeared(_ index: UInt32) async {
        for pod in list() where pod.record.device.index == index { await lose(pod) }
    }

    /// Removes pods whose device is not among these.
    func removeLost(present links: [NetworkLink]) async {
        let devices = Set(links.map(HostDevice.init))
        for pod in list() where !devices.contains(pod.record.device) { await lose(pod) }
    }

    private func lose(_ lost: HeldPod) async {
        let record = lost.record
        await takeTurn(record.name)
        defer { endTurn(record.name) }
        guard let pod = pods[record.name], pod.instance == lost.instance else { return }
        // Its index may have been given to another device already.
        await parts.uplinks.ceasesToBePod(record.device.index)
        try? await parts.datapath.removePod(ifindex: record.device.index)
        let saved = await forget(pod)
        parts.telemetry.record(.podLost(record.name))
        if case .failure(let error) = saved { parts.telemetry.record(.stateNotSaved(reason: "\(error)")) }
    }
}
