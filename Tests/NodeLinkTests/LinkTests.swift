import Addressing
import Identity
import KeyAgreement
import LinkTestSupport
import NIOCore
import NIOPosix
import SecureTransport
import Testing

@testable import NodeLink

/// Services on loopback, with real sockets and TLS.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct LinkTests {
    private let domain: TestDomain

    init() throws { domain = try TestDomain() }

    private func withPair(_ body: (TestNode, TestNode) async throws -> Void) async throws {
        let a = try await TestNode("a", 1, domain)
        let b = try await TestNode("b", 2, domain)
        await introduce([a, b])
        do {
            try await body(a, b)
        } catch {
            await a.stop()
            await b.stop()
            throw error
        }
        await a.stop()
        await b.stop()
    }

    private func established(_ a: TestNode, _ b: TestNode) async throws {
        _ = try await a.host("web", 300, at: ["10.0.1.1"])
        _ = try await b.host("db", 301, at: ["10.0.2.1"])
        try await eventually("both directions have an SA") {
            a.sink.snapshot.outbound(to: 2, 300) != nil && b.sink.snapshot.outbound(to: 1, 301) != nil
        }
    }

    @Test func twoNodesAgree() async throws {
        try await withPair { a, b in
            try await established(a, b)
            let (sealed, opened) = (a.sink.snapshot.outbound(to: 2, 300), b.sink.snapshot.inbound(from: 1, 300))
            #expect(opened.count == 1 && opened[0].spi == sealed?.spi && opened[0].copy == sealed?.copy)
            #expect(b.sink.snapshot.addresses(from: 1, 300) == ["10.0.1.1"])
            #expect(a.sink.snapshot.addresses(from: 2, 301) == ["10.0.2.1"])
            let status = try #require(await a.status(of: b))
            #expect(status.state == .established && status.epoch?.role == .client)
            #expect(status.epoch?.id == (await b.status(of: a))?.epoch?.id)
            #expect(status.epoch?.suite == .chacha20Poly1305 && status.epoch?.postQuantum == .mlkem768)
            try await eventually("both directions") { await a.status(of: b)?.associations.count == 2 }
        }
    }

    @Test func hostingReturnsWhenPeersKnow() async throws {
        try await withPair { a, b in
            try await established(a, b)
            let more = try await a.host("web", 300, at: ["10.0.1.1", "10.0.1.2"])
            #expect(more.unacknowledged.isEmpty && more.quarantined.isEmpty)
            #expect(b.sink.snapshot.addresses(from: 1, 300) == ["10.0.1.1", "10.0.1.2"])
            let none = await a.service.host([])
            #expect(none.unacknowledged.isEmpty)
            #expect(b.sink.snapshot.inbound.isEmpty && b.sink.snapshot.bindings.isEmpty)
            #expect(a.sink.snapshot.outbound(to: 2, 300) == nil)
        }
    }

    @Test func whoIsShutOutLetsGoOfAll() async throws {
        try await withPair { a, b in
            try await established(a, b)
            await a.service.shutOut()
            try await eventually("nothing of its peers is left") {
                let kept = a.sink.snapshot
                return kept.inbound.isEmpty && kept.outbound.isEmpty && kept.bindings.isEmpty && kept.peers.isEmpty
            }
            #expect(await a.service.peers().isEmpty)
            // The very directory of before, on its way still, and once it is let in again.
            await introduce([a, b])
            #expect(await a.service.peers().isEmpty && a.sink.snapshot.peers.isEmpty)
            await a.service.letIn(directory: nil)
            await introduce([a, b])
            try await eventually("both directions have an SA again") {
                a.sink.snapshot.outbound(to: 2, 300) != nil && b.sink.snapshot.outbound(to: 1, 301) != nil
            }
        }
    }

    @Test func forcedRekeysChangeEveryKey() async throws {
        try await withPair { a, b in
            try await established(a, b)
            var keys: Set<[UInt8]> = []
            for round in 0..<10 {
                let outcomes = await (round % 2 == 0 ? a : b).service.rekey(nil)
                #expect(outcomes.count == 1)
                let epoch = try #require(try? outcomes.first?.result.get())
                try await eventually("round \(round) is switched") {
                    let peers = await [a.status(of: b), b.status(of: a)]
                    return peers.allSatisfy { peer in
                        peer?.associations.count == 2 && peer?.associations.allSatisfy { $0.epoch == epoch } == true
                    }
                }
                keys.insert(try #require(a.sink.snapshot.outbound(to: 2, 300)).copy)
            }
            #expect(keys.count == 10)
        }
    }

    @Test func rekeyTellsWhatIsWrong() async throws {
        try await withPair { a, b in
            try await established(a, b)
            await #expect(throws: LinkFailure.unknownNode(NodeNumber(rawValue: 9))) {
                try await a.service.rekey(NodeNumber(rawValue: 9))[0].result.get()
            }
            await b.stop()
            try await eventually("the link is lost") { await a.status(of: b)?.state == .lost }
            for asked in [NodeNumber(rawValue: 2), nil] {
                let outcomes = await a.service.rekey(asked)
                #expect(outcomes.map(\.node.rawValue) == [2])
                #expect(throws: LinkFailure.self) { try outcomes.first?.result.get() }
            }
        }
    }

    @Test func aRestartKeepsWhatIsThere() async throws {
        let a = try await TestNode("a", 1, domain)
        // Where nobody else takes its port meanwhile.
        let b = try await TestNode("b", 2, domain, address: "127.0.0.21")
        await introduce([a, b])
        try await established(a, b)
        let before = try #require(b.sink.snapshot.outbound(to: 1, 301))
        await b.stop()
        #expect(b.sink.snapshot.outbound(to: 1, 301)?.spi == before.spi)
        #expect(b.sink.snapshot.inbound.count == 1)
        try await eventually("a hears of it") { a.saw { $0 == .linkLost(.peerClosed(.shutdown)) } }
        #expect(a.sink.snapshot.inbound.count == 1 && a.sink.snapshot.outbound.count == 1)

        let again = try await TestNode(
            "b", 2, domain, sink: b.sink, address: b.address, port: b.port, svid: b.svid)
        await introduce([a, again], revision: 2)
        try await eventually("they are linked again") { (await again.status(of: a))?.state == .established }
        // Nothing is known of what b hosts, so nothing has gone.
        #expect(again.sink.snapshot.outbound(to: 1, 301)?.spi == before.spi)
        #expect(a.sink.snapshot.inbound.count == 1)
        _ = try await again.host("db", 301, at: ["10.0.2.1"])
        try await eventually("b has switched to a new SA") {
            let now = again.sink.snapshot.outbound(to: 1, 301)?.spi
            return now != nil && now != before.spi
        }
        await again.stop()
        await a.stop()
    }

    @Test func whatAnEarlierRunHostedIsQuarantinedUntilPeersKnow() async throws {
        let a = try await TestNode("a", 1, domain)
        // Where nobody else takes its port meanwhile.
        let b = try await TestNode("b", 2, domain, address: "127.0.0.22")
        await introduce([a, b])
        try await established(a, b)
        await b.stop()

        let again = try await TestNode(
            "b", 2, domain, sink: b.sink, address: b.address, port: b.port, svid: b.svid)
        await again.service.inherit([FormerHolding(address: "10.0.2.1", identity: .init(rawValue: 301))])
        // Before it knows who there is: a has SAs of the earlier run.
        let first = try await again.host("web", 302, at: ["10.0.2.1"])
        #expect(first.quarantined == ["10.0.2.1"])
        #expect(first.released == [FormerHolding(address: "10.0.2.1", identity: .init(rawValue: 301))])
        await introduce([a, again], revision: 2)
        try await again.hostUntilFree("web", 302, at: ["10.0.2.1"])
        try await eventually("the address is the other's") { a.sink.snapshot.addresses(from: 2, 302) == ["10.0.2.1"] }
        await again.stop()
        await a.stop()
    }

    @Test func nobodyWaitsForAPeerThatHasLeftMeanwhile() async throws {
        let a = try await TestNode("a", 1, domain)
        let b = try await TestNode("b", 2, domain)
        await introduce([a, b])
        try await established(a, b)
        await b.stop()
        await a.stop()

        let again = try await TestNode("b", 2, domain, sink: b.sink, svid: b.svid)
        await again.service.inherit([FormerHolding(address: "10.0.2.1", identity: .init(rawValue: 301))])
        #expect(try await again.host("web", 302, at: ["10.0.2.1"]).quarantined == ["10.0.2.1"])
        await introduce([again], revision: 2)
        try await eventually("free") { await again.service.world.quarantined.isEmpty }
        // Who listens only now hears of it, too.
        try await again.hostUntilFree("web", 302, at: ["10.0.2.1"])
        await again.stop()
    }

    @Test func nobodyWaitsForAPeerThatLeavesTheDirectory() async throws {
        try await withPair { a, b in
            let c = try await TestNode("c", 3, domain)
            await introduce([a, b, c], revision: 2)
            try await established(a, b)
            try await eventually("c knows b") { c.sink.snapshot.addresses(from: 2, 301) == ["10.0.2.1"] }
            await a.stop()
            #expect(try await b.host("web", 302, at: ["10.0.2.1"]).quarantined == ["10.0.2.1"])
            let waiting = Task { try await b.hostUntilFree("web", 302, at: ["10.0.2.1"]) }
            await introduce([b, c], revision: 3)
            try await waiting.value
            try await eventually("c is told") { c.sink.snapshot.addresses(from: 2, 302) == ["10.0.2.1"] }
            await c.stop()
        }
    }

    @Test func whoLeavesTheDirectoryIsCutOff() async throws {
        try await withPair { a, b in
            try await established(a, b)
            await introduce([a, b], revision: 2, except: [a])
            try await eventually("nothing of a is left", within: .seconds(1)) {
                let state = b.sink.snapshot
                return state.inbound.isEmpty && state.outbound.isEmpty && state.bindings.isEmpty && state.peers.isEmpty
            }
            #expect(await b.service.peers().isEmpty)
        }
    }

    // MARK: Who is not let in

    /// Dials `node` as somebody else would, and says something; what came back before the connection ended.
    private func intrude(_ node: TestNode, as svid: KeyedSVID, saying words: [UInt8] = []) async throws -> [UInt8] {
        let bundle = domain.bundle
        let identity = TransportIdentity(current: { svid }, bundle: { bundle }, now: { TestDomain.now })
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: Int(node.port)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        SecureTransportHandler(
                            role: .client, identity: identity, expecting: .node(exactly: nil),
                            alpn: [NodeLinkService.applicationProtocol]))
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var bytes: [UInt8] = []
            do {
                for try await buffer in inbound {
                    // Its hello: the handshake is over.
                    if bytes.isEmpty, !words.isEmpty { try await outbound.write(ByteBuffer(bytes: words)) }
                    bytes += buffer.readableBytesView
                }
            } catch is SecureTransportError {
            } catch is IOError {
                // A reset: the node closed without reading all.
            }
            return bytes
        }
    }

    @Test func workloadsAndForeignersAreRefused() async throws {
        let foreign = try TestDomain("other")
        let node = try await TestNode("a", 1, domain)
        await introduce([node])
        let workload = try domain.workload("web", number: 300, on: node.svid.svid.id)
        for svid in [workload, try domain.server(), try foreign.node("b")] {
            #expect(try await intrude(node, as: svid).isEmpty)
        }
        try await eventually("three are in the journal") {
            node.events.filter { if case .connectionFailed = $0 { true } else { false } }.count == 3
        }
        #expect(node.sink.snapshot.inbound.isEmpty)
        await node.stop()
    }

    @Test func aNodeThatTheDirectoryDoesNotHaveIsToldSo() async throws {
        let node = try await TestNode("a", 1, domain)
        await introduce([node])
        let answer = try await intrude(node, as: domain.node("stranger"))
        #expect(answer == LinkMessage.close(.notInDirectory).frame)
        await node.stop()
    }

    /// Nobody would read from it, release it or close it, until the peer does.
    @Test func whoComesBackWhileItIsRemovedHasToConnectAnew() async throws {
        let node = try await TestNode("a", 1, domain)
        let rogue = try domain.node("b")
        let entry = Directory.Node(
            number: NodeNumber(rawValue: 2), id: rogue.svid.id, address: "127.0.0.1", linkPort: 1, espPort: 4500)
        await introduce([node], with: [entry])
        try await eventually("it is known") { !node.sink.snapshot.peers.isEmpty }
        node.sink.holdRemovals()
        await introduce([node], revision: 2)
        try await eventually("its removal is under way") { node.sink.snapshot.removals == .held }
        await introduce([node], revision: 3, with: [entry])
        let secured = { await node.service.connections.values.count { $0.channel != nil } }
        async let answer = intrude(node, as: rogue)
        try await eventually("it is secured") { await secured() == 1 }
        node.sink.releaseRemovals()
        #expect(try await answer == LinkMessage.close(.notInDirectory).frame)
        #expect(await secured() == 0)
        try await eventually("it is known again") { await node.service.peers().map(\.node.rawValue) == [2] }
        await node.stop()
    }

    struct Nonsense: CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]

        init(_ description: String, _ bytes: [UInt8]) {
            testDescription = description
            self.bytes = bytes
        }

        static let small = [
            Nonsense("an empty frame", [0, 0, 0, 0]), Nonsense("a frame of 4 GiB", [255, 255, 255, 255]),
            Nonsense("complete", LinkMessage.complete.frame), Nonsense("ping", LinkMessage.ping(1).frame),
            Nonsense("confirm", LinkMessage.confirm(Array(repeating: 0, count: 48)).frame),
            Nonsense("withdraw, of a wrong length", Array(LinkMessage.withdraw(id: 1).frame.dropLast()) + [1, 2]),
            Nonsense("an unknown type", [0, 0, 0, 1, 99]),
        ]
    }

    /// What a node of the directory may say at first is one thing only.
    @Test(arguments: Nonsense.small) func nonsenseEndsTheConnection(_ nonsense: Nonsense) async throws {
        let (answer, node) = try await answer(to: nonsense)
        let hello = 42
        #expect(answer.count > hello && Array(answer.dropFirst(hello)) == LinkMessage.close(.protocolError).frame)
        #expect(node.sink.snapshot.inbound.isEmpty)
        await node.stop()
    }

    /// The kernel resets a connection that is closed with bytes unread, and the reset may overtake the answer.
    @Test func muchNonsenseEndsTheConnectionUnread() async throws {
        let (_, node) = try await answer(to: Nonsense("much", Array(repeating: 7, count: 100_000)))
        try await eventually("the reason is told") {
            node.events.contains {
                if case .peer(_, _, .connectionEnded(let failure)) = $0 {
                    failure.closeReason == .protocolError
                } else {
                    false
                }
            }
        }
        #expect(node.sink.snapshot.inbound.isEmpty)
        await node.stop()
    }

    private func answer(to nonsense: Nonsense) async throws -> ([UInt8], TestNode) {
        let node = try await TestNode("a", 1, domain)
        let rogue = try domain.node("b")
        let entry = Directory.Node(
            number: NodeNumber(rawValue: 2), id: rogue.svid.id, address: "127.0.0.1", linkPort: 1, espPort: 4500)
        await introduce([node], with: [entry])
        return (try await intrude(node, as: rogue, saying: nonsense.bytes), node)
    }

    // MARK: Life

    @Test func aPortInUseIsSaid() async throws {
        let node = try await TestNode("a", 1, domain)
        let error = await #expect(throws: NodeLinkError.self) {
            _ = try await TestNode("b", 2, domain, port: node.port)
        }
        guard case .cannotListen(let address, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(address == "127.0.0.1 port \(node.port)")
        await node.stop()
    }

    @Test func epochsHaveALeastLength() async throws {
        var settings = NodeLinkSettings(address: "127.0.0.1", port: 0)
        settings.epoch = .seconds(9)
        let bundle = domain.bundle
        let service = NodeLinkService(
            settings, identity: TransportIdentity(current: { nil }, bundle: { bundle }, now: { 0 }),
            environment: try .system(), sink: RecordingSink(firstSPI: 256), observe: { _ in })
        await #expect(throws: NodeLinkError.epochTooShort(.seconds(9))) { try await service.run() }
    }

    @Test func cancellationEndsIt() async throws {
        let settings = NodeLinkSettings(address: "127.0.0.1", port: 0)
        let bundle = domain.bundle
        let service = NodeLinkService(
            settings, identity: TransportIdentity(current: { nil }, bundle: { bundle }, now: { 0 }),
            environment: try .system(), sink: RecordingSink(firstSPI: 256), observe: { _ in })
        let running = Task { try await service.run() }
        _ = try await service.bound()
        running.cancel()
        try await running.value
        await #expect(throws: NodeLinkError.alreadyRun) { try await service.run() }
    }
}
