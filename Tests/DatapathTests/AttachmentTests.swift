import Addressing
import BPFBinding
import Datapath
import Foundation
import Identity
import KernelTestSupport
import LinuxBinding
import Testing

@Suite struct AttachmentTests {
    let pod: TestPod
    let index: UInt32
    static let mac: [UInt8] = [2, 0, 0, 0, 0, 1]

    init() throws {
        pod = try TestPod()
        index = try #require(try RouteSocket().link(name: pod.hostInterface)).index
    }

    private func add(to datapath: Datapath, _ addresses: String..., identity: NumericIdentity = Sample.web) async throws
    {
        try await datapath.addPod(
            ifindex: index, mac: Self.mac, addresses: try addresses.map { try #require(IPAddress($0)) },
            identity: identity, mtu: 1400)
    }

    /// What is at the device by the kernel's own account: `tcx/ingress from_pod` and the like.
    private func attached() throws -> [String] {
        var found: [String] = []
        for direction in TrafficDirection.allCases {
            for id in try TCXLink.programs(at: index, direction) {
                found.append("tcx/\(direction) \(try Self.name(id))")
            }
            let filters = try Command.run("tc", "filter", "show", "dev", pod.hostInterface, "\(direction)")
            for id in filters.matches(of: /id (\d+) name/) {
                found.append("clsact/\(direction) \(try Self.name(try #require(UInt32(id.output.1))))")
            }
        }
        return found.sorted()
    }

    private static func name(_ id: UInt32) throws -> String {
        let shown = try Command.run("bpftool", "prog", "show", "id", "\(id)")
        return String(try #require(shown.firstMatch(of: /name (\w+)/)).output.1)
    }

    private static func expected(_ kind: AttachmentMode) -> [String] {
        kind == .clsact
            ? ["clsact/egress to_pod", "clsact/ingress from_pod"] : ["tcx/egress to_pod", "tcx/ingress from_pod"]
    }

    @Test(arguments: [AttachmentMode.tcx, .clsact])
    func podsAreAttachedOnceAndLeftClean(_ mode: AttachmentMode) async throws {
        let bench = try Bench(mode)
        let datapath = try await bench.start()
        try await add(to: datapath, "10.0.0.5")
        try await add(to: datapath, "10.0.0.5")
        #expect(try attached() == Self.expected(mode))
        try await datapath.removePod(ifindex: index)
        #expect(try attached().isEmpty)
        #expect(try !Command.run("tc", "qdisc", "show", "dev", pod.hostInterface).contains("clsact"))
    }

    @Test(arguments: [AttachmentMode.tcx, .clsact])
    func whatIsGuardedIsToldByThePinsAlone(_ mode: AttachmentMode) async throws {
        let bench = try Bench(mode)
        func guarded() throws -> Set<UInt32> {
            try Datapath.guardedDevices(bpffs: bench.settings.bpffs, instance: bench.settings.instance)
        }
        #expect(try guarded().isEmpty)
        do {
            let datapath = try await bench.start()
            #expect(try guarded().isEmpty)
            try await datapath.attachUplink(ifindex: index)
        }
        #expect(try guarded() == [index])
        try Command.run("ip", "link", "del", pod.hostInterface)
        #expect(try guarded().isEmpty)
    }

    @Test(arguments: [AttachmentMode.tcx, .clsact])
    func aRestartReplacesThePrograms(_ mode: AttachmentMode) async throws {
        let bench = try Bench(mode)
        do { try await add(to: try await bench.start(), "10.0.0.5", "fd00::5") }
        #expect(try attached() == Self.expected(mode))
        let datapath = try await bench.start()
        #expect(try attached() == Self.expected(mode))
        let programs = try await datapath.snapshot().programs.filter { !$0.attachments.isEmpty }
        #expect(programs.map(\.name) == ["from_pod", "to_pod"])
        #expect(programs.allSatisfy { $0.attachments.map(\.kind) == [mode.rawValue] })
        if mode == .tcx { #expect(try TCXLink.programs(at: index, .ingress) == [programs[0].id]) }
        let pods = try await datapath.pods()
        #expect(pods.count == 1)
        #expect(pods[0].addresses.map(\.description) == ["10.0.0.5", "fd00::5"])
        #expect(pods[0].identity == Sample.web && pods[0].mac == Self.mac && pods[0].mtu == 1400)
    }

    @Test func theOtherWayOfAttachingTakesOver() async throws {
        var bench = try Bench(.clsact)
        do { try await add(to: try await bench.start(), "10.0.0.5") }
        bench.settings.attachment = .auto
        do { _ = try await bench.start() }
        #expect(try attached() == Self.expected(.tcx))
        #expect(try !Command.run("tc", "qdisc", "show", "dev", pod.hostInterface).contains("clsact"))
        bench.settings.attachment = .clsact
        _ = try await bench.start()
        #expect(try attached() == Self.expected(.clsact))
    }

    @Test func othersFiltersAndQdiscsStay() async throws {
        try Command.run("tc", "qdisc", "add", "dev", pod.hostInterface, "clsact")
        let bench = try Bench(.clsact)
        let datapath = try await bench.start()
        try await add(to: datapath, "10.0.0.5")
        try await datapath.uninstall()
        #expect(try Command.run("tc", "qdisc", "show", "dev", pod.hostInterface).contains("clsact"))
        #expect(try attached().isEmpty)
    }

    @Test func ourQdiscStaysWhileOthersUseIt() async throws {
        let bench = try Bench(.clsact)
        let datapath = try await bench.start()
        try await add(to: datapath, "10.0.0.5")
        let other = ClsactFilter(interface: index, direction: .ingress, handle: 77, priority: 9)
        let object = try BPFObject(path: Bench.objectPath)
        try object.load()
        try other.attach(object.program("to_pod"))
        try await datapath.removePod(ifindex: index)
        #expect(try other.attachedProgram() != nil)
    }

    @Test(arguments: [AttachmentMode.tcx, .clsact])
    func uninstallLeavesNothing(_ mode: AttachmentMode) async throws {
        let bench = try Bench(mode)
        let datapath = try await bench.start()
        try await add(to: datapath, "10.0.0.5")
        let uplink = try TestPod()
        let uplinkIndex = try #require(try RouteSocket().link(name: uplink.hostInterface)).index
        try await datapath.attachUplink(ifindex: uplinkIndex)
        #expect(try await datapath.uplinks() == [uplinkIndex])
        let spi = try await datapath.accept(0x66)
        let keys = try bench.map("ps_sa_in")
        #expect(try !bench.bpffs.contents().isEmpty)
        try await datapath.uninstall()
        #expect(try bench.bpffs.contents().isEmpty)
        #expect(try attached().isEmpty)
        #expect(try !Command.run("tc", "qdisc", "show", "dev", uplink.hostInterface).contains("clsact"))
        let memory = SecretMemory(byteCount: keys.layout.valueSize)
        let isZero = try unsafe memory.withBytes { (buffer) throws(BPFError) in
            _ = try unsafe keys.read(spi & 15, into: buffer)
            return unsafe buffer.allSatisfy { $0 == 0 }
        }
        #expect(isZero)
        try Datapath.uninstall(bpffs: bench.bpffs.path, instance: "test")
    }

    @Test func podsOfGoneDevicesAreForgotten() async throws {
        let bench = try Bench()
        do { try await add(to: try await bench.start(), "10.0.0.5") }
        try Command.run("ip", "link", "del", pod.hostInterface)
        let datapath = try await bench.start()
        #expect(try await datapath.reconcilePods(present: [index]).map(\.ifindex) == [index])
        #expect(try await datapath.pods().isEmpty)
        #expect(try bench.map("ps_local").keys(as: ABIKey.self).isEmpty)
        #expect(try bench.bpffs.contents().filter { $0.contains("from_pod-") }.isEmpty)
    }

    /// A device that is not ours has taken the index of the one that was.
    @Test(arguments: [AttachmentMode.tcx, .clsact])
    func anIndexThatWasGivenAgainIsNotOurs(_ mode: AttachmentMode) async throws {
        let bench = try Bench(mode)
        do { try await add(to: try await bench.start(), "10.0.0.5") }
        try Command.run("ip", "link", "del", pod.hostInterface)
        try Command.run(
            "ip", "link", "add", "name", pod.hostInterface, "index", "\(index)", "type", "veth", "peer", "name",
            "eth0", "netns", pod.namespace)
        let datapath = try await bench.start()
        #expect(try attached().isEmpty)
        #expect(try bench.bpffs.contents().filter { $0.contains("_pod-") }.isEmpty)
        try await add(to: datapath, "10.0.0.5")
        #expect(try attached() == Self.expected(mode))
    }

    /// A run that ended between attaching and naming what it attached.
    @Test func anUnfinishedReplacementIsOursToo() async throws {
        let bench = try Bench(.clsact)
        do { try await add(to: try await bench.start(), "10.0.0.5") }
        let links = "\(bench.bpffs.path)/podshield/test/links"
        for hook in ["from_pod", "to_pod"] {
            let name = "\(links)/\(hook)-\(index)-clsact"
            try BPFFileSystem.rename(name, to: name + "-next")
        }
        try Datapath.uninstall(bpffs: bench.bpffs.path, instance: "test")
        #expect(try attached().isEmpty)
        #expect(try bench.bpffs.contents().isEmpty)
    }

    private struct ABIKey: BitwiseCopyable { var high = UInt64(0), low = UInt64(0) }

    @Test func podsChangeAddressesAndIdentity() async throws {
        let bench = try Bench()
        let datapath = try await bench.start()
        try await add(to: datapath, "10.0.0.5", "10.0.0.6", identity: .unknown)
        try await add(to: datapath, "10.0.0.6", "10.0.0.7", identity: .unknown)
        try await datapath.setPodIdentity(ifindex: index, identity: Sample.db)
        let pod = try #require(try await datapath.pods().first)
        #expect(pod.addresses.map(\.description) == ["10.0.0.6", "10.0.0.7"] && pod.identity == Sample.db)
        #expect(try await datapath.snapshot().maps.first { $0.name == "ps_local" }?.entries == 2)
        let other = try TestPod()
        let otherIndex = try #require(try RouteSocket().link(name: other.hostInterface)).index
        let held = await #expect(throws: DatapathError.self) {
            try await datapath.addPod(
                ifindex: otherIndex, mac: Self.mac, addresses: pod.addresses, identity: Sample.web, mtu: 1400)
        }
        #expect(held?.kind == "localAddressHeld")
        let absent = await #expect(throws: DatapathError.self) {
            try await datapath.setPodIdentity(ifindex: otherIndex, identity: Sample.web)
        }
        #expect(absent?.kind == "unknownPod")
        let nowhere = await #expect(throws: DatapathError.self) {
            try await datapath.addPod(
                ifindex: 0x7fff_fff0, mac: Self.mac, addresses: [], identity: Sample.web, mtu: 1400)
        }
        #expect(nowhere?.kind == "noSuchInterface")
    }

    @Test func spoofedPacketsAreCountedAndTold() async throws {
        let bench = try Bench()
        let datapath = try await bench.start()
        try await datapath.setProtected([try #require(IPPrefix("10.0.0.0/8"))])
        try await datapath.configure(DatapathConfiguration(), ready: true)
        try await add(to: datapath, "10.0.0.5")
        try pod.run("ip", "addr", "add", "10.0.0.9/24", "dev", "eth0")
        try pod.run("ip", "neigh", "add", "10.0.0.1", "lladdr", "02:00:00:00:00:99", "dev", "eth0")
        _ = try? pod.run("ping", "-c", "1", "-W", "1", "10.0.0.1")
        for await event in datapath.events
        where event.outcome == .spoofedSource && event.hook == .fromPod && event.interface == index { break }
        let counters = try await datapath.counters()
        #expect(try #require(counters.first { $0.outcome == .spoofedSource }).packets >= 1)
        #expect(datapath.eventsDropped == 0)
    }
}
