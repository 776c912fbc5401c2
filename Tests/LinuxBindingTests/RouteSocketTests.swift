import Addressing
import Foundation
import KernelTestSupport
import Testing

@testable import LinuxBinding

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

    @Test func resolvesRoutesAsTheKernelWould() throws {
        let (link, near, far, far6) = try inside { socket in
            (
                try #require(try socket.link(name: "eth0")), try socket.route(to: IPAddress("10.77.1.9")!),
                try socket.route(to: IPAddress("198.51.100.1")!), try socket.route(to: IPAddress("2001:db8::1")!)
            )
        }
        for route in [near, far] { #expect(route?.interface == link.index) }
        #expect(near?.source?.description == "10.77.1.5")
        #expect(near?.mtu == nil)
        #expect(far6?.source?.description == "fd77::5")
        try pod.run("ip", "route", "change", "default", "via", "10.77.1.1", "mtu", "1300")
        #expect(try inside { try $0.route(to: IPAddress("198.51.100.1")!) }?.mtu == 1300)
        try pod.run("ip", "route", "del", "default")
        #expect(try inside { try $0.route(to: IPAddress("198.51.100.1")!) } == nil)
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

    @Test(.timeLimit(.minutes(1))) func tellsOfLinksThatComeAndGo() async throws {
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

    @Test(.timeLimit(.minutes(1))) func aReaderThatWasTooSlowIsTold() async throws {
        let events = try inside { _ in try LinkMonitor.events() }
        let file = try TemporaryDirectory()
        let batch = (0..<1500).map { "link set eth0 mtu \(1300 + $0 % 2)\n" }.joined()
        try batch.write(toFile: file.path + "/batch", atomically: true, encoding: .utf8)
        try pod.run("ip", "-batch", file.path + "/batch")
        try pod.run("ip", "link", "del", "eth0")
        for await event in events {
            if event == .missed { return }
            if case .removed(_, "eth0") = event { break }
        }
        Issue.record("events are missing and nobody said so")
    }

    /// Whoever has CAP_NET_ADMIN in a namespace, such as a pod in its own, can write to our socket there.
    @Test func answersOfOthersThanTheKernelAreNotBelieved() throws {
        let names = try inside { socket -> [String] in
            try Self.forge(linkNamed: "forged", to: Self.port(of: socket))
            return try socket.links().map(\.name)
        }
        #expect(names.sorted() == ["eth0", "lo"])
    }

    private static func port(of socket: RouteSocket) -> UInt32 {
        var address = [UInt32](repeating: 0, count: 3)
        var size = socklen_t(12)
        _ = unsafe address.withUnsafeMutableBytes { bytes in
            unsafe getsockname(
                socket.socket.descriptor.raw, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), &size)
        }
        return address[1]
    }

    /// Sends an RTM_NEWLINK and an NLMSG_DONE that look like the answer to a socket's first request, in this thread's
    /// namespace.
    private static func forge(linkNamed name: String, to port: UInt32) throws {
        let program = """
            import socket, struct, sys
            name, port = sys.argv[1].encode() + b"\\0", int(sys.argv[2])
            body = struct.pack("=BxHiII", 0, 1, 99, 0, 0) + struct.pack("=HH", 4 + len(name), 3) + name
            body += b"\\0" * (-len(body) % 4)
            link = struct.pack("=IHHII", 16 + len(body), 16, 2, 1, 0) + body
            done = struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)
            forger = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
            forger.sendto(link + done, (port, 0))
            """
        try Command.run("python3", "-c", program, name, String(port))
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
