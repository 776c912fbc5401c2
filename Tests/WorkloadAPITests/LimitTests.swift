import AuthorityAPI
import Foundation
import GRPCCore
import Glibc
import KernelTestSupport
import LinuxBinding
import SwiftProtobuf
import Testing
import WorkloadProtocol

@testable import WorkloadAPI

/// What HTTP/2 lets one connection ask for.
@Suite(.timeLimit(.minutes(1))) struct LimitTests {
    /// The settings that the server begins with, by their numbers (RFC 9113 section 6.5.2).
    private func settings(_ server: TestServer) async throws -> [UInt16: UInt32] {
        let socket = try UnixSocket.connect(to: server.path, within: .seconds(30))
        try socket.send(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0])
        let frame = await receive(from: socket)
        try #require(frame.count >= 9 && frame[3] == 4)
        let payload = frame[9...].prefix(Int(frame[1]) << 8 | Int(frame[2]))
        return stride(from: payload.startIndex, to: payload.endIndex, by: 6).reduce(into: [:]) { settings, index in
            let number = UInt16(payload[index]) << 8 | UInt16(payload[index + 1])
            settings[number] = payload[(index + 2)..<(index + 6)].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    /// What has come, or comes next; nothing at the end. Waits on a thread that the server does not need.
    private func receive(from socket: UnixSocket) async -> [UInt8] {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                var bytes = [UInt8](repeating: 0, count: 4096)
                let count = unsafe recv(socket.descriptor.raw, &bytes, bytes.count, 0)
                continuation.resume(returning: Array(bytes.prefix(max(count, 0))))
            }
        }
    }

    @Test func streamsAndHeadersAreFew() async throws {
        let settings = try await settings(TestServer())
        #expect(settings[0x3] == 16)
        #expect(settings[0x6] == 16384)
    }

    @Test func aLargeRequestIsRefused() async throws {
        let server = try await TestServer()
        try await server.withClient { client in
            let request = JWTSVIDRequest.with { $0.audience = [String(repeating: "a", count: 1 << 17)] }
            let code = await status { _ = try await client.fetchJWTSVID(request, metadata: secured) }
            // Before anybody looks at what it says.
            #expect(code != nil && code != .invalidArgument)
        }
    }

    @Test func longHeadersAreRefused() async throws {
        let server = try await TestServer()
        var metadata = secured
        metadata.addString(String(repeating: "a", count: 1 << 15), forKey: "x-long")
        let long = metadata
        try await server.withClient { client in
            var options = CallOptions.defaults
            options.timeout = .seconds(5)
            let limited = options
            let code = await status { _ = try await client.fetchJWTSVID(.init(), metadata: long, options: limited) }
            // Before anybody looks at what it says.
            #expect(code != nil && code != .invalidArgument)
        }
    }

    /// However much of a beginning it makes.
    @Test(arguments: ["", "PRI * HTTP", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0"])
    func aConnectionWithoutACallIsClosed(beginning: String) async throws {
        var limits = WorkloadAPILimits()
        limits.firstCall = .milliseconds(500)
        let server = try await TestServer(limits: limits)
        let socket = try UnixSocket.connect(to: server.path, within: .seconds(30))
        try socket.send(Array(beginning.utf8))
        while await !receive(from: socket).isEmpty {}
        #expect(await eventually { server.server.connections.count == 0 })
    }

    @Test func aStreamThatIsQuietIsNotIdle() async throws {
        var limits = WorkloadAPILimits()
        // A busy machine must not need as long to make the call.
        limits.firstCall = .seconds(10)
        limits.idle = .seconds(10)
        let server = try await TestServer(limits: limits)
        try server.identities.add("web", [.userID(geteuid())])
        try await server.withClient { client in
            try await client.fetchX509SVID(.init(), metadata: secured) { response in
                var messages = response.messages.makeAsyncIterator()
                _ = try await messages.next()
                try await Task.sleep(for: .seconds(12))
                try server.identities.add("second", [.userID(geteuid())])
                #expect(try await messages.next()?.svids.count == 2)
            }
        }
        #expect(await eventually { server.server.connections.count == 0 })
    }
}
