import Foundation
import Identity
import KernelTestSupport
import NIOCore
import NIOPosix
import OpenSSLBinding
import SecureTransport
import Testing

/// Real sockets, and the `openssl` program at the other end.
@Suite(.timeLimit(.minutes(1)))
struct SocketTests {
    private let domain: TestDomain

    init() throws { domain = try TestDomain() }

    /// What an echoing server saw of one connection.
    private enum Seen: Sendable {
        case outcome(SPIFFEID?)
        case error(SecureTransportError)
    }

    private final class Echo: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        let seen: AsyncStream<Seen>.Continuation

        init(_ seen: AsyncStream<Seen>.Continuation) { self.seen = seen }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let outcome = event as? HandshakeOutcome { seen.yield(.outcome(outcome.peer?.id)) }
        }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.writeAndFlush(data, promise: nil) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if let error = error as? SecureTransportError { seen.yield(.error(error)) }
        }
    }

    private func withServer<Value: Sendable>(
        _ expectation: PeerExpectation, _ body: (Int, AsyncStream<Seen>) async throws -> Value
    ) async throws -> Value {
        let identity = try domain.identity(domain.server())
        let (stream, continuation) = AsyncStream<Seen>.makeStream()
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = SecureTransportHandler(role: .server, identity: identity, expecting: expectation)
                    try channel.pipeline.syncOperations.addHandlers(handler, Echo(continuation))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        defer { channel.close(promise: nil) }
        return try await body(try #require(channel.localAddress?.port), stream)
    }

    private func connect(_ port: Int, _ identity: TransportIdentity, autoRead: Bool = true) async throws
        -> NIOAsyncChannel<ByteBuffer, ByteBuffer>
    {
        try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelOption(.autoRead, value: autoRead)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = SecureTransportHandler(
                        role: .client, identity: identity, expecting: .authority(exactly: nil))
                    try channel.pipeline.syncOperations.addHandler(handler)
                    return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                }
            }
    }

    /// The async channel applies back-pressure; a megabyte passes through it and comes back.
    @Test func megabyteComesBack() async throws {
        try await withServer(.nodeOrAnonymous) { port, _ in
            let message = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let echoed = try await connect(port, domain.identity(domain.node("a"))).executeThenClose {
                inbound, outbound in
                // More than fits is refused before the handshake is complete; the first echo says that it is.
                try await outbound.write(ByteBuffer(bytes: message.prefix(1)))
                var echoed: [UInt8] = []
                for try await buffer in inbound {
                    if echoed.isEmpty { try await outbound.write(ByteBuffer(bytes: message.dropFirst())) }
                    echoed += buffer.readableBytesView
                    if echoed.count >= message.count { break }
                }
                return echoed
            }
            #expect(echoed == message)
        }
    }

    /// The client has finished and spoken when the server's refusal arrives; it must still learn of it.
    @Test(arguments: 0..<8)
    func refusedClientLearnsWhy(_ round: Int) async throws {
        try await withServer(.nodeOrAnonymous) { port, _ in
            let workload = try domain.identity(domain.workload())
            let error = await #expect(throws: SecureTransportError.self) {
                try await connect(port, workload).executeThenClose { inbound, outbound in
                    try? await outbound.write(ByteBuffer(repeating: 1, count: 5000))
                    for try await _ in inbound {}
                }
            }
            #expect(error == .peerAlert(42))
        }
    }

    private func client(_ port: Int, _ arguments: [String], _ svid: KeyedSVID? = nil) throws -> String {
        try Files.withDirectory { directory in
            var all = ["-connect", "127.0.0.1:\(port)"] + arguments
            if let svid {
                let chain = directory.appendingPathComponent("svid.pem")
                let key = directory.appendingPathComponent("svid.key")
                try svid.svid.leaf.pem.write(to: chain, atomically: true, encoding: .utf8)
                try Data(unsafe svid.key.pkcs8PEM().withUnsafeBytes { unsafe Array($0) }).write(to: key)
                all += ["-cert", chain.path, "-key", key.path]
            }
            // The open end of the pipe keeps the client listening for a moment after its handshake.
            return try Files.run("/bin/sh", ["-c", "sleep 0.3 | openssl s_client \"$@\"", "sh"] + all)
        }
    }

    private func first(_ stream: AsyncStream<Seen>) async -> Seen? {
        for await seen in stream { return seen }
        return nil
    }

    @Test func opensslClientWithANodesSVIDIsKnown() async throws {
        try await withServer(.node(exactly: nil)) { port, stream in
            let node = try domain.node("a")
            let output = try client(port, [], node)
            #expect(output.contains("TLSv1.3"), "\(output)")
            guard case .outcome(node.svid.id) = await first(stream) else {
                Issue.record("\(output)")
                return
            }
        }
    }

    @Test(arguments: [["-tls1_2"], ["-no_tls1_3"], ["-curves", "P-521"], ["-ciphersuites", "TLS_AES_128_CCM_SHA256"]])
    func weakerParametersAreRefused(_ arguments: [String]) async throws {
        try await withServer(.nodeOrAnonymous) { port, stream in
            let output = try client(port, arguments)
            guard case .error(.handshakeFailed) = await first(stream) else {
                Issue.record("\(output)")
                return
            }
        }
    }

    @Test func clientWithoutCertificateIsRefusedWhereOneIsAsked() async throws {
        try await withServer(.node(exactly: nil)) { port, stream in
            let output = try client(port, [])
            #expect(output.contains("certificate required"), "\(output)")
            guard case .error(.handshakeFailed) = await first(stream) else {
                Issue.record("\(output)")
                return
            }
        }
    }

    /// Whether it wants our keys to change as well or not.
    @Test(arguments: ["asking", "telling"]) func keysAreNotChangedWithoutEnd(_ kind: String) async throws {
        try await withServer(.nodeOrAnonymous) { port, stream in
            let program = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Scenarios/08-floods/key_updates.py").path
            let output = try Files.run("/usr/bin/python3", [program, "127.0.0.1", "\(port)", kind])
            let changes = try #require(Int(output.trimmingCharacters(in: .whitespacesAndNewlines)), "\(output)")
            #expect((2000..<1_000_000).contains(changes))
            var seen = stream.makeAsyncIterator()
            guard case .outcome(nil) = await seen.next(), case .error(.nothingSaid(let bytes)) = await seen.next()
            else {
                Issue.record("\(output)")
                return
            }
            // Each is a record of 27 bytes; a reading is 64 KiB at most.
            #expect((65537...131072).contains(bytes))
        }
    }

    @Test func nothingToResumeIsHandedOut() async throws {
        try await withServer(.nodeOrAnonymous) { port, _ in
            let output = try client(port, ["-msg"])
            #expect(output.contains("Certificate"), "\(output)")
            #expect(!output.contains("NewSessionTicket"), "\(output)")
            #expect(!output.contains("Early data was accepted"))
        }
    }
}

enum Files {
    static func withDirectory<Value>(_ body: (URL) throws -> Value) throws -> Value {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("podshield-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        return try body(directory)
    }

    static func run(_ program: String, _ arguments: [String]) throws -> String {
        try Command.finish([program] + arguments).output
    }
}
