import Addressing
import KernelTestSupport
import LinuxBinding
import Testing

@Suite struct RouteSocketTests {
    let pod: TestPod

    init() throws {
        pod = try TestPod()
        try pod.run("ip", "addr", "add", "10.77.1.5/24", "dev", "eth0")
        try pod.run("ip", "addr", "add", "fd77::5/64", "dev", "eth0", "nodad")
        try pod.run("ip", "route", "add", "default", "via", "10.77.1.1")
        try pod.run("ip", "-6", "route", "add", "default", "via", "fd77::1", "metric", "77")
    }

    private func inside<Value: Sendable>(_ body: @escaping @Sendable (RouteSocket) throws -> Value) throws -> Value {
        try NetworkNamespace(path: pod.path).run { try body(RouteSocket()) }
    }

    @Test func findsVethPeersAcrossNamespaces() throws {
        let host = try #require(try RouteSocket().link(name: pod.hostInterface))
        let hostNamespace = try NetworkNamespace.current()
        let (link, number) = try inside { socket in
            (try #require(try socket.link(name: "eth0")), try socket.number(of: hostNamespace))
        }
        #expect(link.kind == "veth")
        #expect(link.isUp && !link.isLoopback)
        #expect(link.hardwareAddress.count == 6)
        #expect(link.peerIndex == host.index)
        #expect(host.peerIndex == link.index)
        #expect(link.peerNamespace != nil && link.peerNamespace == number)
    }

    @Test func findsLinksByIndexAndName() throws {
        let socket = try RouteSocket()
        let link = try #require(try socket.link(name: pod.hostInterface))
        #expect(try socket.link(index: link.index)?.name == pod.hostInterface)
        #expect(try socket.links().contains { $0.index == link.index })
        #expect(try socket.link(name: "pskn-not-there") == nil)
        #expect(try socket.link(index: 0x7fff_ffff) == nil)
    }

    @Test func listsAddressesOfBothFamilies() throws {
        let addresses = try inside { socket in
            try socket.addresses(of: try #require(try socket.link(name: "eth0")).index)
        }
        let global = Set(addresses.filter(\.isGlobal).map { "\($0.address)/\($0.prefixLength)" })
        #expect(global == ["10.77.1.5/24", "fd77::5/64"])
    }

    @Test func changesTheMTUOfRoutesAndNothingElse() throws {
        let before = try inside { try $0.routes() }
        #expect(before.contains { $0.destination.description == "0.0.0.0/0" && $0.gateway?.description == "10.77.1.1" })
        try inside { socket in
            for var route in try socket.routes() where !route.destination.address.bytes.starts(with: [0xfe, 0x80]) {
                route.mtu = 1370
                try socket.replace(route)
            }
        }
        let after = try inside { try $0.routes() }
        #expect(after.count == before.count)
        for route in before {
            let same = try #require(
                after.first { $0.destination == route.destination && $0.priority == route.priority })
            #expect(same.gateway == route.gateway && same.interface == route.interface)
        }
        #expect(try pod.run("ip", "route", "get", "10.9.9.9").contains("mtu 1370"))
        #expect(try pod.run("ip", "-6", "route", "show", "default").contains("metric 77 mtu 1370"))
        #expect(
            try pod.run("ip", "route", "show", "10.77.1.0/24").contains(
                "proto kernel scope link src 10.77.1.5 mtu 1370"))
    }

    @Test func errorsCarryTheKernelsWords() throws {
        let namespace = pod.namespace
        let error = try inside { socket -> SystemError? in
            var route = try #require(try socket.routes().first { $0.gateway?.isIPv4 == true })
            route.destination = try #require(IPPrefix("10.78.0.0/16"))
            // A gateway that nothing reaches any more.
            try Command.run("ip", "-n", namespace, "addr", "flush", "dev", "eth0")
            do throws(SystemError) {
                try socket.replace(route)
                return nil
            } catch { return error }
        }
        #expect(try #require(error).detail?.contains("gateway") == true)
    }

    @Test func tellsOfLinksThatComeAndGo() async throws {
        let events = try LinkMonitor.events()
        let name = pod.hostInterface
        try Command.run("ip", "link", "set", name, "mtu", "1400")
        try Command.run("ip", "link", "del", name)
        var sawChange = false
        for await event in events {
            switch event {
            case .changed(let link) where link.name == name && link.mtu == 1400: sawChange = true
            case .removed(_, name):
                #expect(sawChange)
                return
            default: continue
            }
        }
        Issue.record("the stream ended")
    }

    @Test func switchesOffloads() throws {
        for offload in [Offload.gro, .gso, .tso] {
            for on in [false, true, false] {
                try offload.set(on, of: pod.hostInterface)
                #expect(try offload.isOn(pod.hostInterface) == on, "\(offload)")
            }
        }
        #expect(throws: SystemError.self) { try Offload.gro.set(true, of: "pskn-not-there") }
    }
}
