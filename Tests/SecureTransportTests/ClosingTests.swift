import NIOCore
import NIOEmbedded
import Testing

@testable import SecureTransport

/// A peer that does not hear that the connection has ended.
struct ClosingTests {
    private let loop = EmbeddedEventLoop()
    private let link: Link

    init() throws {
        let domain = try TestDomain()
        link = Link(
            client: try End(.client, domain.identity(domain.node("a")), .node(exactly: nil), loop: loop),
            server: try End(.server, domain.identity(domain.node("b")), .node(exactly: nil), loop: loop))
        try link.run()
    }

    private func send(_ count: Int) throws {
        for _ in 0..<(count / 16384) {
            link.client.send([UInt8](repeating: 7, count: 16384))
            link.server.give(try link.client.takeOutput())
        }
    }

    /// It is not opened for as long as it goes on, and neither does it keep the connection.
    @Test func whoGoesOnIsNotWaitedFor() throws {
        let closed = link.server.channel.close()
        try send(SecureTransportLimits.closingBytes / 2)
        #expect(!link.server.recorder.isInactive)
        try send(SecureTransportLimits.closingBytes)
        #expect(link.server.recorder.isInactive)
        #expect(throws: Never.self) { try closed.wait() }
        #expect(link.server.recorder.received.isEmpty && link.server.recorder.errors.isEmpty)
    }

    /// What is under way when we close resets nothing: the peer has our last bytes and says goodbye.
    @Test func whatIsUnderWayIsWaitedFor() throws {
        try send(SecureTransportLimits.closingBytes)
        let received = link.server.recorder.received.count
        #expect(received == SecureTransportLimits.closingBytes)
        link.server.send([9])
        let closed = link.server.channel.close()
        try send(SecureTransportLimits.closingBytes / 2)
        try link.run()
        #expect(throws: Never.self) { try closed.wait() }
        #expect(link.client.recorder.received == [9] && link.client.recorder.errors.isEmpty)
        #expect(link.server.recorder.received.count == received && link.server.recorder.errors.isEmpty)
    }
}
