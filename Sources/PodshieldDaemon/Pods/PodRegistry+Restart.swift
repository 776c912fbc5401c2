import AuthorityAPI
import Datapath
import Identity
import KeyAgreement
import LinuxBinding
import NodeIdentity
import NodeLink
import PodState
import Telemetry

extension PodRegistry {
    /// Takes up the pods of an earlier run: what the kernel enforces for them goes on, those whose device has gone are
    /// removed. Nothing is announced yet.
    func restore() async throws(StartError) {
        let saved: PodStore.Saved
        do throws(PodStoreError) { saved = try store.load() } catch { throw .pods(error) }
        let records = saved.pods
        let devices: Set<HostDevice>
        do throws(SystemError) { devices = Set(try RouteSocket().links().map(HostDevice.init)) } catch {
            throw .system(error)
        }
        let present = records.filter { devices.contains($0.device) }
        for record in present { pods[record.name] = HeldPod(record: record) }
        former = saved.former
        await restoreIdentities(records)
        do throws(DatapathError) {
            _ = try await parts.datapath.reconcilePods(present: Set(present.map(\.device.index)))
            try await resume(present)
        } catch {
            throw .datapath(error)
        }
        do throws(PodError) { try save() } catch { parts.telemetry.record(.stateNotSaved(reason: "\(error)")) }
        for lost in records where !devices.contains(lost.device) { parts.telemetry.record(.podLost(lost.name)) }
    }

    /// An SVID that is still good is enforced at once, so that a restart costs no packet; else all packets drop. So do those
    /// of a pod at whose address peers may still seek another.
    private func resume(_ records: [PodRecord]) async throws(DatapathError) {
        for record in records {
            let issued = pods[record.name]?.issued?.identity ?? .unknown
            let isSought = former.contains { $0.identity != issued && record.addresses.contains($0.address) }
            let identity = isSought ? .unknown : issued
            try await parts.datapath.addPod(
                ifindex: record.device.index, mac: record.mac, addresses: record.addresses, identity: identity,
                mtu: record.mtu)
            try await parts.uplinks.becamePod(record.device.index)
            pods[record.name]?.enforced = identity
            parts.telemetry.record(.podAdopted(record))
        }
    }

    /// SVIDs that are still good and of these pods as they are; others are forgotten, but not what was had by them.
    private func restoreIdentities(_ records: [PodRecord]) async {
        let recorded = Dictionary(records.map { ($0.name, $0) }) { $1 }
        var hosted: Set<FormerHolding> = []
        for issued in await parts.identity.heldWorkloads {
            let name = issued.pod.podName
            let record = recorded[name].flatMap { issued.svid.svid.notAfter > parts.now() ? $0 : nil }
            let holdings = record?.holdings(of: issued.identity) ?? []
            // An earlier run may have ended between other labels and the identity for them.
            if let record, issued.pod.isPart(of: record.facts), pods[name] != nil {
                pods[name]?.issued = issued
                hosted.formUnion(holdings)
            } else {
                former.formUnion(holdings)
                await parts.identity.release(name)
            }
        }
        await parts.link.inherit(former.union(hosted))
    }

    // MARK: Keeping up

    /// Tells of the pods of an earlier run, passes renewed SVIDs on, and asks again for those that were not given.
    func run() async {
        await announce()
        await withDiscardingTaskGroup { group in
            group.addTask { await self.followRenewals() }
            group.addTask { await self.askAgain() }
            group.addTask { await self.followQuarantine() }
        }
    }

    private func followRenewals() async {
        for await issued in parts.identity.issuedWorkloads() {
            let name = issued.pod.podName
            // What was taken back while it waited here is nobody's.
            guard await parts.identity.workload(name)?.svid.svid == issued.svid.svid else { continue }
            guard let pod = pods[name], issued.pod.isPart(of: pod.record.facts),
                pod.issued?.svid.svid != issued.svid.svid
            else { continue }
            pods[name]?.issued = issued
            pods[name]?.failure = nil
            await announce()
        }
    }

    private func askAgain() async {
        while !Task.isCancelled {
            await expire()
            await obtainMissing()
            await completeAll()
            if hasUnenforced { await announce() }
            try? await Task.sleep(for: Self.retryPause)
        }
    }

    /// Asks for an identity for each pod that has none.
    func obtainMissing() async {
        for pod in list() where pod.issued == nil {
            await takeTurn(pod.record.name)
            if pods[pod.record.name]?.issued == nil { try? await obtainIdentity(pod.record.name) }
            endTurn(pod.record.name)
        }
    }

    /// Addresses leave quarantine by themselves; the next telling finds out which. Not only when a pod waits: one may be
    /// about to, by a telling that was before.
    private func followQuarantine() async {
        for await _ in parts.link.addressesFreed { await announce() }
    }

    private var hasUnenforced: Bool {
        !isShutOut && pods.values.contains { $0.issued != nil && $0.issued?.identity != $0.enforced }
    }

    /// Those that have an SVID for less than is known. Where the authority is away nobody waits for it once for each of them.
    private func completeAll() async {
        for pod in list() where pod.issued.map({ $0.pod != pod.record.facts }) ?? false {
            await expire()
            await takeTurn(pod.record.name)
            let isAsked = await complete(pod.record.name)
            endTurn(pod.record.name)
            guard isAsked else { return }
        }
    }

    /// An SVID that nobody renewed in time: the pod is as one without identity. Towards peers its SAs ended by themselves.
    private func expire() async {
        for pod in list() {
            guard let issued = pod.issued, issued.svid.svid.notAfter <= parts.now() else { continue }
            pods[pod.record.name]?.issued = nil
            parts.telemetry.record(.podWithoutIdentity(pod.record.name, reason: "its SVID has expired"))
            await enforce(.unknown, on: pod.record.name)
        }
    }

    private static let retryPause = Duration.seconds(5)
}
