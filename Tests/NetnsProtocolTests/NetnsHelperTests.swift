import Addressing
import Foundation
import KernelTestSupport
import LinuxBinding
import NetnsProtocol
import Testing

@Suite struct NetnsHelperTests {
    /// Beside the test bundle.
    static let helper = NetnsHelper.spawn(
        executable: Bundle.main.bundleURL.appending(path: "podshield-netns").path(percentEncoded: false))

    @Test(arguments: [
        ("/run/netns/web-0", true), ("/var/run/netns/cni-1.a_b", true), ("/proc/12/ns/net", true),
        ("/run/netns/", false), ("/run/netns/..", false), ("/run/netns/a/b", false), ("/run/netns/../x", false),
        ("/proc/self/ns/net", false), ("/proc/0/ns/net", false), ("/proc/+1/ns/net", false),
        ("/proc/012/ns/net", false),
        ("/proc/1/ns/mnt", false), ("run/netns/a", false), ("/tmp/a", false), ("", false), ("/run/netns/a b", false),
    ])
    func places(_ text: String, _ isAllowed: Bool) { #expect((NamespacePath(text) != nil) == isAllowed) }

    @Test func requestsAndRepliesSurviveTheWire() throws {
        let path = try #require(NamespacePath("/run/netns/a"))
        let prefix = try #require(IPPrefix("10.0.0.0/8"))
        let request = PodNetworkRequest(namespace: path, interface: "eth0", mtu: 1400, prefixes: [prefix])
        #expect(try Self.roundTrip(request) == request)
        let pod = PodInterface(
            hostIfindex: 7, podIfindex: 2, podName: "eth0", podMAC: [2, 0, 0xff, 1, 2, 3],
            addresses: [try #require(IPAddress("10.0.0.1")), try #require(IPAddress("fd00::1"))], mtu: 1500)
        for reply in [PodNetworkReply.done(pod), .failed(PodNetworkError(.noInterface, "none"))] {
            #expect(try Self.roundTrip(reply) == reply)
        }
    }

    /// An address that is left out would be one whose packets nobody seals.
    @Test(arguments: [
        #"{"hostIfindex":7,"podIfindex":2,"podName":"e","podMac":"02:00:00:00:00","addresses":[],"mtu":1500}"#,
        #"{"hostIfindex":7,"podIfindex":2,"podName":"e","podMac":"02:00:00:00:00:zz","addresses":[],"mtu":1500}"#,
        #"{"hostIfindex":7,"podIfindex":2,"podName":"e","podMac":"02:00:00:00:00:01","addresses":["1.2.3"],"mtu":1}"#,
    ])
    func halfAnAnswerIsNone(_ text: String) {
        let error = #expect(throws: PodNetworkError.self) {
            try JSONDecoder().decode(PodNetworkReply.self, from: Data(text.utf8))
        }
        #expect(error?.code == .noAnswer)
    }

    /// A helper that hangs costs its time limit, not the daemon's task.
    @Test(.timeLimit(.minutes(5))) func aHelperThatHangsIsEnded() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/helper"
        try "#!/bin/sh\nread line\nexec sleep 600\n".write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        let request = PodNetworkRequest(namespace: try #require(NamespacePath("/run/netns/a")), mtu: 1400)
        let error = await #expect(throws: PodNetworkError.self) {
            try await NetnsHelper.spawn(executable: path).prepare(request, limit: .milliseconds(200))
        }
        #expect(error?.code == .noAnswer)
    }

    private static func roundTrip<Value: Codable>(_ value: Value) throws -> Value {
        try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(value))
    }

    @Test(arguments: [
        (#"{"netns":"/run/netns/a","mtu":575}"#, PodNetworkError.Code.badRequest),
        (#"{"netns":"/run/netns/a","mtu":65536}"#, .badRequest),
        (#"{"netns":"/run/netns/a","mtu":1400,"interface":"../eth0"}"#, .badRequest),
        (#"{"netns":"/run/netns/a","mtu":1400,"interface":"sixteen-letters-"}"#, .badRequest),
        (#"{"netns":"/run/netns/a","mtu":1400,"prefixes":["10.0.0.1/8"]}"#, .badRequest),
        (#"{"netns":"/run/netns/a","mtu":1400,"other":1}"#, .badRequest),
        (#"{"netns":"/etc/passwd","mtu":1400}"#, .pathNotAllowed),
    ])
    func refusals(_ text: String, _ code: PodNetworkError.Code) {
        let error = #expect(throws: PodNetworkError.self) {
            try JSONDecoder().decode(PodNetworkRequest.self, from: Data(text.utf8))
        }
        #expect(error?.code == code)
    }

    @Test func preparesAPod() async throws {
        let pod = try TestPod()
        try pod.run("ip", "addr", "add", "10.77.1.5/24", "dev", "eth0")
        try pod.run("ip", "addr", "add", "fd77::5/64", "dev", "eth0", "nodad")
        try pod.run("ip", "route", "add", "default", "via", "10.77.1.1")
        let request = PodNetworkRequest(
            namespace: try #require(NamespacePath(pod.path)), mtu: 1400,
            prefixes: [try #require(IPPrefix("10.77.0.0/16")), try #require(IPPrefix("fd77::/16"))])

        let answer = try await Self.helper.prepare(request)

        let host = try #require(try RouteSocket().link(name: pod.hostInterface))
        #expect(answer.hostIfindex == host.index && answer.podIfindex == host.peerIndex)
        #expect(answer.podName == "eth0" && answer.mtu == 1500)
        #expect(Set(answer.addresses.map(\.description)) == ["10.77.1.5", "fd77::5"])
        #expect(try pod.run("cat", "/proc/net/dev").contains("eth0"))
        let features = try pod.run("ethtool", "-k", "eth0")
        #expect(features.contains("tcp-segmentation-offload: off"))
        #expect(features.contains("tx-checksumming: off"))
        #expect(features.contains("generic-segmentation-offload: on"))
        #expect(features.contains("tx-udp-segmentation: off"))
        #expect(try pod.run("ip", "route", "get", "10.77.9.9").contains("mtu 1400"))
        #expect(try !pod.run("ip", "route", "get", "10.99.9.9").contains("mtu"))
        #expect(try pod.run("ip", "-6", "route", "show", "fd77::/64").contains("mtu 1400"))
        #expect(try await Self.helper.prepare(request) == answer)
    }

    @Test func failuresAreTyped() async throws {
        let pod = try TestPod()
        let there = try #require(NamespacePath(pod.path))
        let nowhere = try #require(NamespacePath("/run/netns/pskn-not-there"))
        let own = try #require(NamespacePath("/proc/\(getpid())/ns/net"))
        let cases: [(PodNetworkRequest, PodNetworkError.Code)] = [
            (PodNetworkRequest(namespace: nowhere, mtu: 1400), .notANamespace),
            (PodNetworkRequest(namespace: own, mtu: 1400), .ownNamespace),
            (PodNetworkRequest(namespace: there, interface: "eth1", mtu: 1400), .noInterface),
        ]
        for (request, code) in cases {
            let error = await #expect(throws: PodNetworkError.self) { try await Self.helper.prepare(request) }
            #expect(error?.code == code)
        }
        try pod.run("ip", "link", "add", "name", "inner0", "type", "veth", "peer", "name", "inner1")
        let inner = PodNetworkRequest(namespace: there, interface: "inner0", mtu: 1400)
        let error = await #expect(throws: PodNetworkError.self) { try await Self.helper.prepare(inner) }
        #expect(error?.code == .peerElsewhere)
        let missing = NetnsHelper.spawn(executable: "/nonexistent")
        let absent = await #expect(throws: PodNetworkError.self) { try await missing.prepare(inner) }
        #expect(absent?.code == .noAnswer)
    }
}

extension NetnsHelperTests {
    /// As the socket unit starts it: one process a connection, which is its descriptor 3.
    @Test func answersOnAPassedSocket() async throws {
        let pod = try TestPod()
        let directory = try TemporaryDirectory()
        let path = directory.path + "/socket"
        guard case .spawn(let executable) = Self.helper else { return }
        let manager = try ChildProcess(
            path: "/bin/sh",
            arguments: ["-c", "exec systemd-socket-activate --accept --listen \(path) \(executable) 2>/dev/null"],
            input: FileDescriptor(opening: "/dev/null"))
        defer {
            kill(manager.processID, SIGTERM)
            #expect(throws: Never.self) { try manager.wait() }
        }
        // The name is there a moment before somebody listens.
        while (try? UnixSocket.connect(to: path, within: .seconds(1))) == nil {
            try await Task.sleep(for: .milliseconds(10))
        }
        let request = PodNetworkRequest(namespace: try #require(NamespacePath(pod.path)), mtu: 1400)
        let answers = [
            try await NetnsHelper.socket(path: path).prepare(request),
            try await NetnsHelper.socket(path: path).prepare(request),
        ]
        #expect(answers[0].podName == "eth0" && answers[0] == answers[1])
    }
}
