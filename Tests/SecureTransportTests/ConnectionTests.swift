import Identity
import NIOCore
import NIOEmbedded
import OpenSSLBinding
import SecureTransport
import Testing

struct ConnectionTests {
    private let domain: TestDomain
    private let loop = EmbeddedEventLoop()
    private let link: Link

    init() throws {
        domain = try TestDomain()
        link = Link(
            client: try End(.client, domain.identity(domain.node("a")), .node(exactly: nil), loop: loop),
            server: try End(.server, domain.identity(domain.node("b")), .node(exactly: nil), loop: loop))
    }

    @Test func earlyWritesArriveInOrderAndAfterTheHandshake() throws {
        link.server.send([9])
        link.client.send([1, 2])
        link.client.send([3])
        #expect(link.client.outcome == nil)
        try link.run()
        #expect(link.server.recorder.received == [1, 2, 3])
        #expect(link.client.recorder.received == [9])
    }

    @Test func earlyWritesAreLimited() throws {
        let result = link.client.channel.write(
            ByteBuffer(repeating: 0, count: SecureTransportLimits.bufferedBytes + 1))
        let expected = SecureTransportError.tooMuchBuffered(bytes: SecureTransportLimits.bufferedBytes + 1)
        #expect(link.client.recorder.errors == [expected])
        #expect(throws: expected) { try result.wait() }
        #expect(link.client.recorder.isInactive)
    }

    @Test func earlyEmptyWritesAreLimitedToo() {
        for _ in 0...SecureTransportLimits.bufferedWrites { link.client.channel.write(ByteBuffer(), promise: nil) }
        #expect(link.client.recorder.errors == [.tooMuchBuffered(bytes: 0)])
    }

    @Test func silentPeerTimesOut() throws {
        loop.advanceTime(by: SecureTransportLimits.handshakeTimeout - .milliseconds(1))
        #expect(link.server.recorder.errors.isEmpty)
        loop.advanceTime(by: .milliseconds(1))
        #expect(link.server.recorder.errors == [.handshakeTimedOut])
        #expect(link.client.recorder.errors == [.handshakeTimedOut])
        #expect(link.server.recorder.isInactive && link.client.recorder.isInactive)
    }

    @Test func establishedConnectionDoesNotTimeOut() throws {
        try link.run()
        loop.advanceTime(by: .hours(24))
        #expect(link.client.recorder.errors.isEmpty && link.server.recorder.errors.isEmpty)
    }

    @Test(arguments: [
        ("text", Array("GET / HTTP/1.1\r\n\r\n".utf8)), ("zeros", [UInt8](repeating: 0, count: 64)),
        ("a record too long", [22, 3, 1, 0xff, 0xff, 1]), ("an alert", [21, 3, 3, 0, 2, 2, 40]),
        ("application data first", [23, 3, 3, 0, 1, 0]), ("an empty hello", [22, 3, 1, 0, 4, 1, 0, 0, 0]),
    ])
    func garbageIsRefused(_ name: String, _ bytes: [UInt8]) throws {
        link.server.give(bytes)
        #expect(link.server.recorder.errors.count == 1, "\(name)")
        #expect(link.server.recorder.isInactive && link.server.outcome == nil, "\(name)")
    }

    /// A ClientHello that never ends: many small fragments of a large message.
    @Test func endlessHandshakeIsCutOff() throws {
        let hello: [UInt8] = [22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff] + [UInt8](repeating: 0, count: 16380)
        let more: [UInt8] = [22, 3, 3, 0x40, 0] + [UInt8](repeating: 0, count: 16384)
        link.server.give(hello)
        for _ in 0..<8 { link.server.give(more) }
        #expect(link.server.recorder.errors.count == 1)
        #expect(link.server.recorder.isInactive)
    }

    /// Any changed byte of either flight ends the handshake on both sides, with one error each and no outcome at the judge.
    @Test func changedFlightsAreRefused() throws {
        let a = try domain.identity(domain.node("a"))
        for step in stride(from: 5, to: 700, by: 3) {
            let link = Link(
                client: try End(.client, a, .node(exactly: nil)), server: try End(.server, a, .node(exactly: nil)))
            link.server.give(try link.client.takeOutput())
            var flight = try link.server.takeOutput()
            guard step < flight.count else { break }
            flight[step] ^= 0x10
            link.client.give(flight)
            try link.run()
            #expect(link.client.outcome == nil, "byte \(step)")
            #expect(link.server.outcome == nil, "byte \(step)")
            #expect(link.client.recorder.errors.count <= 1 && link.server.recorder.errors.count <= 1)
        }
    }

    @Test func endDuringTheHandshakeIsAnError() throws {
        link.server.give(try link.client.takeOutput())
        link.server.endOfStream()
        #expect(link.server.recorder.errors == [.closedDuringHandshake])
    }

    @Test func endWithoutGoodbyeIsATruncation() throws {
        try link.run()
        link.server.endOfStream()
        #expect(link.server.recorder.errors == [.truncated])
    }

    @Test func halfClosureIsATruncation() throws {
        try link.run()
        link.server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(link.server.recorder.errors == [.truncated])
        #expect(link.server.recorder.isInactive)
    }

    @Test func closingSaysGoodbyeBothWays() throws {
        try link.run()
        link.client.send([7])
        let closed = link.client.channel.close()
        let again = link.client.channel.close()
        #expect(!link.client.recorder.isInactive)
        try link.run()
        #expect(link.server.recorder.received == [7])
        #expect(link.server.recorder.isInactive && link.client.recorder.isInactive)
        #expect(link.server.recorder.errors.isEmpty && link.client.recorder.errors.isEmpty)
        #expect(throws: Never.self) { try closed.wait() }
        #expect(throws: Never.self) { try again.wait() }
    }

    @Test func closingDoesNotWaitForeverForAGoodbye() throws {
        try link.run()
        let closed = link.client.channel.close()
        loop.advanceTime(by: .seconds(2))
        #expect(link.client.recorder.isInactive && link.client.recorder.errors.isEmpty)
        #expect(throws: Never.self) { try closed.wait() }
    }

    @Test func nothingIsWrittenAfterClosing() throws {
        try link.run()
        link.client.channel.close(promise: nil)
        #expect(throws: SecureTransportError.closed) {
            try link.client.channel.writeAndFlush(ByteBuffer(bytes: [1])).wait()
        }
    }

    @Test func forgedRecordEndsTheConnection() throws {
        try link.run()
        link.client.send([1, 2, 3])
        var record = try link.client.takeOutput()
        record[record.count - 1] ^= 1
        link.server.give(record)
        guard case .protocolFailure = link.server.error else {
            Issue.record("\(String(describing: link.server.error))")
            return
        }
        #expect(link.server.recorder.received.isEmpty && link.server.recorder.isInactive)
        try link.run()
        #expect(link.client.recorder.errors == [.peerAlert(20)])
    }

    @Test func replayedRecordEndsTheConnection() throws {
        try link.run()
        link.client.send([1, 2, 3])
        let record = try link.client.takeOutput()
        link.server.give(record + record)
        #expect(link.server.recorder.received == [1, 2, 3])
        #expect(link.server.recorder.isInactive)
    }

    /// However little a record says, it says something.
    @Test func manySmallRecordsAreNoFlood() throws {
        try link.run()
        for _ in 0..<10_000 { link.client.send([7]) }
        let records = try link.client.takeOutput()
        #expect(records.count > 3 * SecureTransportLimits.handshakeBytes)
        link.server.give(records, chunk: 1000)
        #expect(link.server.recorder.received.count == 10_000 && link.server.recorder.errors.isEmpty)
    }

    @Test func halfClosureIsNotOffered() throws {
        try link.run()
        for mode in [CloseMode.input, .output] {
            #expect(throws: ChannelError.operationUnsupported) { try link.client.channel.close(mode: mode).wait() }
        }
    }

    @Test func readsAreAskedForOnlyWhileNothingCouldBeShown() throws {
        let counter = ReadCounter()
        try link.server.channel.pipeline.syncOperations.addHandler(counter, position: .first)
        try link.run()
        #expect(counter.reads > 0)
        link.client.send([1])
        let record = try link.client.takeOutput()
        counter.reads = 0
        link.server.give(Array(record.prefix(5)))
        #expect(counter.reads == 1)
        link.server.give(Array(record.dropFirst(5)))
        #expect(counter.reads == 1 && link.server.recorder.received == [1])
    }
}

private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    var reads = 0

    func read(context: ChannelHandlerContext) {
        reads += 1
        context.read()
    }
}
