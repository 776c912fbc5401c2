import Addressing
import Identity
import KeyAgreement
import LinkTestSupport
import NIOCore
import NIOPosix
import SecureTransport
import Testing

@testable import NodeLink

/// Connections that say nothing, beside links.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct StrangerTests {
    private let domain: TestDomain

    init() throws { domain = try TestDomain() }

    private func connect(_ count: Int, to node: TestNode, from source: String) async throws -> [any Channel] {
        var channels: [any Channel] = []
        for _ in 0..<count {
            channels.append(
                try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                    .bind(to: SocketAddress(ipAddress: source, port: 0))
                    .connect(host: node.address.description, port: Int(node.port)).get())
        }
        return channels
    }

    @Test func silentConnectionsOfOneSourceAreLimited() async throws {
        let node = try await TestNode("a", 1, domain) { $0.pendingPerSource = 4 }
        await introduce([node])
        let channels = try await connect(12, to: node, from: "127.0.0.1")
        try await eventually("all but four are closed") { channels.filter(\.isActive).count == 4 }
        try await eventually("it is in the journal, once") { !node.events.isEmpty }
        for channel in channels { try? await channel.close() }
        try await eventually("those that were let in are told of one by one") { node.events.count >= 5 }
        await node.stop()
        #expect(node.events.count { if case .flood = $0 { true } else { false } } == 1)
        #expect(node.events.count { if case .connectionFailed = $0 { true } else { false } } == 4)
    }

    /// Whichever dials, from the address that the directory has.
    @Test func strangersTakeNothingFromNodes() async throws {
        let full = { (limits: inout AdmissionLimits) in limits.strangers.pending = 4 }
        // Strangers stay as long as the test takes on a busy machine.
        let long = Duration.seconds(50)
        let a = try await TestNode("a", 1, domain, address: "127.0.0.7", handshake: long, admission: full)
        let b = try await TestNode("b", 2, domain, address: "127.0.0.8", handshake: long, admission: full)
        let strangers = try await connect(8, to: a, from: "127.0.0.1") + connect(8, to: b, from: "127.0.0.1")
        try await eventually("there is no room for strangers") { strangers.filter(\.isActive).count == 8 }
        await introduce([a, b])
        for (node, peer) in [(a, b), (b, a)] {
            try await eventually("there is for nodes", within: .seconds(30)) {
                await node.status(of: peer)?.state == .established
            }
            let outcome = try #require(await node.service.rekey(NodeNumber(rawValue: peer.number)).first)
            #expect(throws: Never.self) { try outcome.result.get() }
        }
        #expect(strangers.filter(\.isActive).count == 8)
        for channel in strangers { try? await channel.close() }
        await a.stop()
        await b.stop()
    }
}
