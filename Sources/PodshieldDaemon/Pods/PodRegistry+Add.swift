import Addressing
import AuthorityAPI
import Datapath
import Identity
import KeyAgreement
import LinuxBinding
import NetnsProtocol
import NodeIdentity
import PodState
import Telemetry

extension PodRegistry {
    /// Takes a pod under control and has its identity issued. Until that is there, and when it fails, all its packets drop.
    ///
    /// The same pod again: its state, and another try if it has no identity. A UID that nobody had said is kept with it, and labels
    /// that are others take the place of the former.
    func add(_ request: PodRequest) async throws(PodError) -> HeldPod {
        let name = request.facts.podName
        await takeTurn(name)
        defer { endTurn(name) }
        if let pod = pods[name] {
            guard pod.record.isSame(as: request) else { throw .exists(name) }
            try checkUID(request.facts.uid, of: name)
            try await take(request.facts.keeping(pod.record.facts.uid), of: name)
        } else {
            try checkUID(request.facts.uid, of: name)
            try await takeOn(try await prepare(request))
        }
        if pods[name]?.issued == nil { try await obtainIdentity(name) }
        guard let pod = pods[name] else { throw .deviceGone(name) }
        return pod
    }

    // MARK: UIDs

    /// Brokers find pods by them: a UID is of one pod.
    private func checkUID(_ uid: PodUID?, of name: PodName) throws(PodError) {
        if let uid, let holder = pods.holder(of: uid, beside: name) { throw .uidHeld(uid, by: holder) }
    }

    // MARK: Parts

    private func prepare(_ request: PodRequest) async throws(PodError) -> PodRecord {
        let name = request.facts.podName
        let mtu = try podMTU(name)
        let question = PodNetworkRequest(
            namespace: request.namespace, interface: request.interface, mtu: UInt32(mtu), prefixes: protected)
        let found: PodInterface
        do throws(PodNetworkError) {
            found = try await parts.helper.prepare(question)
        } catch {
            throw .network(name, error)
        }
        try check(found.addresses, of: name)
        let device = try hostDevice(found.hostIfindex, of: name)
        return PodRecord(
            facts: request.facts, namespace: request.namespace, interface: request.interface,
            device: device, mac: found.podMAC, addresses: found.addresses.sorted(), mtu: mtu, addedAt: parts.now())
    }

    private func podMTU(_ name: PodName) throws(PodError) -> UInt16 {
        do throws(SystemError) { return try PodMTU.find(from: parts.address) } catch {
            throw .datapath(name, .system(error))
        }
    }

    private func check(_ addresses: [IPAddress], of name: PodName) throws(PodError) {
        guard !addresses.isEmpty else { throw .noAddress(name) }
        let most = LinkLimits.addressesPerAnnouncement
        guard addresses.count <= most else { throw .tooManyAddresses(name, most: most) }
        for address in addresses where !protected.contains(where: { $0.contains(address) }) {
            throw .unprotected(name, address)
        }
    }

    private func hostDevice(_ index: UInt32, of name: PodName) throws(PodError) -> HostDevice {
        if let holder = pods.values.first(where: { $0.record.device.index == index }) {
            throw .deviceHeld(device: holder.record.device.name, by: holder.record.name)
        }
        do throws(SystemError) {
            if let link = try RouteSocket().link(index: index) { return HostDevice(link) }
        } catch {
            throw .datapath(name, .system(error))
        }
        throw .deviceGone(name)
    }

    /// From the end of this on the pod's packets meet our programs.
    private func takeOn(_ record: PodRecord) async throws(PodError) {
        do throws(DatapathError) {
            try await parts.datapath.addPod(
                ifindex: record.device.index, mac: record.mac, addresses: record.addresses, identity: .unknown,
                mtu: record.mtu)
            try await parts.uplinks.becamePod(record.device.index)
        } catch {
            await letGo(record.device)
            throw .datapath(record.name, error)
        }
        do throws(PodError) {
            // Another may have come meanwhile.
            try checkUID(record.facts.uid, of: record.name)
            pods[record.name] = HeldPod(record: record)
            try save()
        } catch {
            pods[record.name] = nil
            await letGo(record.device)
            throw error
        }
        parts.telemetry.record(.podAdded(record))
    }

    /// The device is watched like any other before the pod's own programs go.
    private func letGo(_ device: HostDevice) async {
        await parts.uplinks.ceasesToBePod(device.index)
        try? await parts.datapath.removePod(ifindex: device.index)
    }

    func obtainIdentity(_ name: PodName) async throws(PodError) {
        guard let facts = pods[name]?.record.facts else { return }
        do throws(AuthorityCallError) {
            let issued = try await parts.identity.issue(facts)
            pods[name]?.issued = issued
            pods[name]?.failure = nil
        } catch {
            // Said once for each reason, not with each try.
            if pods[name]?.failure != error { parts.telemetry.record(.podWithoutIdentity(name, reason: "\(error)")) }
            pods[name]?.failure = error
            throw .withoutIdentity(name, error)
        }
        await announce()
    }
}

extension HostDevice {
    init(_ link: NetworkLink) {
        self.init(index: link.index, name: link.name, hardwareAddress: link.hardwareAddress)
    }
}
