import AuthorityAPI
import Foundation
import GRPCCore
import Glibc
import Identity
import KernelTestSupport
import LinuxBinding
import NIOCore
import NIOPosix
import SecureTransport
import SwiftProtobuf
import Testing
import WorkloadProtocol

@testable import WorkloadAPI

/// What brokers, and who is none, can make the node bear.
@Suite(.serialized, .timeLimit(.minutes(5))) struct BrokerLimitTests {
    private func first(_ brokers: TestBrokers, _ svid: KeyedSVID? = nil) async throws -> Int? {
        let reference = try Reference.process(getpid())
        return try await brokers.withBroker(svid) { try await $0.svids(reference)?.svids.count }
    }

    /// Calls `body` while a broker has an open stream.
    private func withStream(
        _ client: BrokerClient, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let reference = try Reference.process(getpid())
        try await client.subscribeToX509SVID(.with { $0.reference = reference }, metadata: asBroker) { response in
            for try await _ in response.messages { return try await body() }
        }
    }

    @Test func oneBrokersConnectionsKeepNoOtherOut() async throws {
        var limits = BrokerLimits()
        limits.connectionsPerBroker = 2
        try await TestBrokers.run(limits: limits) { brokers in
            try brokers.identities.add("web", [.userID(geteuid())])
            try await brokers.withBroker { client in
                try await withStream(client) {
                    try await brokers.withBroker { client in
                        try await withStream(client) {
                            #expect(await brokers.refusal(of: brokers.broker) == .unavailable)
                            #expect(
                                brokers.events.refusals.first == "it has too many connections, or all together have")
                            let count = try await first(brokers, brokers.limited)
                            #expect(count == 1)
                        }
                    }
                }
            }
            // What has ended is given back.
            #expect(await eventually { brokers.server.connections.count == 0 })
            #expect(try await first(brokers) == 1)
        }
    }

    @Test func oneBrokersStreamsKeepNoOtherOut() async throws {
        var limits = BrokerLimits()
        limits.streamsPerBroker = 1
        try await TestBrokers.run(limits: limits) { brokers in
            try brokers.identities.add("web", [.userID(geteuid())])
            let reference = try Reference.process(getpid())
            try await brokers.withBroker { client in
                try await withStream(client) {
                    for call in client.calls(reference) { #expect(await failure(of: call) == "unavailable") }
                    let count = try await first(brokers, brokers.limited)
                    #expect(count == 1)
                }
            }
            #expect(await eventually { brokers.server.connections.streamCount == 0 })
            #expect(try await first(brokers) == 1)
        }
    }

    @Test func allStreamsTogetherHaveALimit() async throws {
        var limits = BrokerLimits()
        limits.streams = 1
        try await TestBrokers.run(limits: limits) { brokers in
            try brokers.identities.add("web", [.userID(geteuid())])
            let reference = try Reference.process(getpid())
            try await brokers.withBroker { client in
                try await withStream(client) {
                    let other = await failure {
                        try await brokers.withBroker(brokers.limited) { _ = try await $0.svids(reference) }
                    }
                    #expect(other == "unavailable")
                }
            }
        }
    }

    @Test func aLargeRequestIsRefused() async throws {
        try await TestBrokers.run { brokers in
            try await brokers.withBroker { client in
                let request = Spiffe_Broker_FetchJWTSVIDRequest.with {
                    $0.audience = [String(repeating: "a", count: 1 << 17)]
                }
                let code = await status { _ = try await client.fetchJWTSVID(request, metadata: asBroker) }
                // Before anybody looks at what it says.
                #expect(code != nil && code != .invalidArgument)
            }
        }
    }

    /// Whoever begins no handshake, or never ends it.
    @Test(arguments: [[], [0x16, 3, 1, 2, 0]] as [[UInt8]])
    func aHandshakeHasItsTime(beginning: [UInt8]) async throws {
        var limits = BrokerLimits()
        limits.handshake = .milliseconds(500)
        try await TestBrokers.run(limits: limits) { brokers in
            let socket = try UnixSocket.connect(to: brokers.path, within: .seconds(30))
            try socket.send(beginning)
            #expect(await isClosed(socket))
            #expect(await eventually { brokers.events.refusals == ["the handshake took too long"] })
        }
    }

    /// Waits on a thread that the server does not need.
    private func isClosed(_ socket: UnixSocket) async -> Bool {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                var bytes = [UInt8](repeating: 0, count: 4096)
                while unsafe recv(socket.descriptor.raw, &bytes, bytes.count, 0) > 0 {}
                continuation.resume(returning: true)
            }
        }
    }

    /// Connections that say nothing, from one address: brokers of the socket are served all the while, and it is said once.
    @Test func aFloodByTCPLeavesTheSocketAlone() async throws {
        var limits = BrokerLimits()
        // Each takes two of this process's descriptors.
        limits.admission.pendingPerSource = 8
        try await TestBrokers.run(limits: limits) { brokers in
            try brokers.identities.add("web", [.userID(geteuid())])
            var channels: [any Channel] = []
            for _ in 0..<16 {
                channels.append(
                    try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                        .connect(host: "127.0.0.1", port: brokers.port).get())
            }
            #expect(await eventually { brokers.events.all.contains(.flood(source: "127.0.0.1")) })
            #expect(await brokers.refusal(of: brokers.broker, byTCP: true) == .unavailable)
            #expect(try await first(brokers) == 1)
            #expect(brokers.events.all.count { $0 == .flood(source: "127.0.0.1") } == 1)
            for channel in channels { channel.close(promise: nil) }
        }
    }

    /// The same at the socket: one user's connections that say nothing leave others their places.
    @Test func aFloodOfOneUserLeavesOthersAlone() async throws {
        var limits = BrokerLimits()
        limits.admission.pendingPerSource = 2
        try await TestBrokers.run(limits: limits) { brokers in
            try brokers.identities.add("web", [.userID(geteuid())])
            // Anybody may connect: what is counted is who it was.
            for path in [brokers.path, String(brokers.path.dropLast("/broker.sock".count))] {
                try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: path)
            }
            let script = """
                import os, socket, sys, time
                os.setgroups([]); os.setgid(4711); os.setuid(4711)
                connections = [socket.socket(socket.AF_UNIX) for _ in range(3)]
                for connection in connections: connection.connect(sys.argv[1])
                time.sleep(60)
                """
            let silent = try RunningProgram(["python3", "-c", script, brokers.path])
            defer { silent.end() }
            #expect(await eventually { brokers.events.all.contains(.flood(source: "user 4711")) })
            #expect(try await first(brokers) == 1)
        }
    }

    /// One whose machine has gone from the network, so that nobody says that the connection has ended: its places are free again.
    @Test func aBrokerThatAnswersNoMoreLosesItsPlaces() async throws {
        var limits = BrokerLimits()
        limits.silence = .seconds(1)
        try await TestBrokers.run(limits: limits) { brokers in
            try brokers.addPod("web")
            let reference = try Reference.pod("web-0")
            let relay = try await Relay(to: brokers.path)
            defer { relay.program.end() }
            let ended = await failure {
                try await brokers.withBroker(through: relay.path) { client in
                    try await client.subscribeToX509SVID(.with { $0.reference = reference }, metadata: asBroker) {
                        response in
                        for try await _ in response.messages {
                            #expect(brokers.server.connections.streamCount == 1)
                            // It lives, and carries nothing any more.
                            relay.program.signal(SIGSTOP)
                            #expect(await eventually { brokers.server.connections.count == 0 })
                            relay.program.signal(SIGCONT)
                        }
                    }
                }
            }
            #expect(ended == "unavailable", "\(ended)")
            #expect(await eventually { brokers.server.connections.streamCount == 0 })
        }
    }

    /// One that is alive and has nothing to say is left alone.
    @Test func aBrokerThatAnswersStays() async throws {
        var limits = BrokerLimits()
        limits.silence = .milliseconds(200)
        try await TestBrokers.run(limits: limits) { brokers in
            try brokers.identities.add("web", [.userID(geteuid())])
            try await brokers.withBroker { client in
                try await withStream(client) {
                    try await Task.sleep(for: .seconds(2))
                    #expect(brokers.server.connections.streamCount == 1)
                }
            }
        }
    }
}
