import Configuration
import Datapath
import LinuxBinding
import PodState
import Telemetry

/// Keeps the devices by which packets enter and leave this node under watch: every one that is neither pod nor loopback, or
/// those that are named. A pod's device that is not known as such yet counts as an uplink: what it sends into protected
/// prefixes drops.
actor UplinkWatch {
    private let datapath: Datapath
    private let selection: PodshieldConfiguration.Uplinks
    private let telemetry: Telemetry
    private var pods: Set<UInt32> = []
    /// By index.
    private var attached: [UInt32: HostDevice] = [:]
    private var isRetired = false
    /// By name: why a device is not watched though it should be.
    private(set) var failures: [String: String] = [:]
    /// Named, and not there. They are watched once they are.
    private(set) var missing: Set<String> = []

    init(_ datapath: Datapath, _ selection: PodshieldConfiguration.Uplinks, telemetry: Telemetry) {
        self.datapath = datapath
        self.selection = selection
        self.telemetry = telemetry
    }

    /// Names of the devices that are watched.
    var names: [String] { attached.values.map(\.name).sorted() }

    // MARK: Devices come and go

    /// Watches what should be, and nothing else, as devices and pods are now. The first error is thrown once all were tried;
    /// that a device is not there is none.
    func attachAll() async throws(StartError) {
        do throws(DatapathError) { pods = Set(try await datapath.pods().map(\.ifindex)) } catch {
            throw .datapath(error)
        }
        let links: [NetworkLink]
        do throws(SystemError) { links = try RouteSocket().links() } catch { throw .system(error) }
        for link in links { await appeared(link) }
        await detachOthers(than: Set(links.map(\.index)))
        miss(named.subtracting(links.map(\.name)))
        if let failed = failures.min(by: { $0.key < $1.key }) { throw .uplink(failed.key, reason: failed.value) }
    }

    func appeared(_ link: NetworkLink) async {
        missing.remove(link.name)
        guard isUplink(link) else { return }
        let device = HostDevice(link)
        // Renamed, perhaps. With another hardware address it may be another device, whose forerunner's end was missed.
        guard attached[link.index]?.hardwareAddress != device.hardwareAddress else {
            attached[link.index] = device
            return
        }
        do throws(DatapathError) {
            try await datapath.attachUplink(ifindex: link.index)
            // It became a pod's meanwhile.
            guard !pods.contains(link.index) else { return try await datapath.detachUplink(ifindex: link.index) }
            attached[link.index] = device
            failures[link.name] = nil
            let kind = try await datapath.attachment(of: link.index)
            telemetry.record(
                .uplinkAttached(interface: link.name, index: link.index, attachment: kind?.rawValue ?? ""))
        } catch {
            // A device that has gone again is no failure.
            guard (try? RouteSocket().link(index: link.index)) != nil else { return }
            // Said once for each reason, not with each try.
            if failures[link.name] != "\(error)" {
                telemetry.record(.uplinkFailed(interface: link.name, reason: "\(error)"))
            }
            failures[link.name] = "\(error)"
        }
    }

    func disappeared(_ index: UInt32, name: String) async {
        pods.remove(index)
        failures[name] = nil
        miss([name])
        guard attached.removeValue(forKey: index) != nil else { return }
        try? await datapath.detachUplink(ifindex: index)
        telemetry.record(.uplinkGone(interface: name, index: index))
    }

    /// Forgets devices that are not among these.
    func removeLost(present links: [NetworkLink]) async {
        let present = Set(links.map(\.index))
        for device in attached.values where !present.contains(device.index) {
            await disappeared(device.index, name: device.name)
        }
    }

    private var named: Set<String> { if case .devices(let names) = selection { Set(names) } else { [] } }

    private func miss(_ names: Set<String>) {
        for name in names.intersection(named).sorted() where missing.insert(name).inserted {
            telemetry.record(.uplinkMissing(interface: name))
        }
    }

    private func isUplink(_ link: NetworkLink) -> Bool {
        !isRetired && !pods.contains(link.index) && selection.includes(link)
    }

    /// What an earlier run watched and this one does not.
    private func detachOthers(than present: Set<UInt32>) async {
        let former = (try? await datapath.uplinks()) ?? []
        for index in former where attached[index] == nil || !present.contains(index) {
            try? await datapath.detachUplink(ifindex: index)
        }
    }

    /// Watches nothing from now on: the datapath goes.
    func retire() {
        isRetired = true
        attached = [:]
    }

    // MARK: Pods come and go

    /// From now on the device is a pod's; to be called when the pod's own programs are in place.
    func becamePod(_ index: UInt32) async throws(DatapathError) {
        pods.insert(index)
        attached[index] = nil
        try await datapath.detachUplink(ifindex: index)
    }

    /// From now on the device is watched again like any other; to be called before the pod's own programs go.
    func ceasesToBePod(_ index: UInt32) async {
        pods.remove(index)
        guard let link = try? RouteSocket().link(index: index) else { return }
        await appeared(link)
    }
}
