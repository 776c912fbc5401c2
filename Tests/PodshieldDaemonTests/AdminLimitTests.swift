import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import Glibc
import KernelTestSupport
import LinuxBinding
import Testing

@testable import PodshieldDaemon

/// What HTTP/2 lets one connection to the admin socket ask for.
@Suite(.timeLimit(.minutes(1))) struct AdminLimitTests {
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]

    /// Calls `body` with the path of a socket behind which is what the daemon has at its own.
    private func withServer(
        idle: Duration, _ body: @escaping @Sendable (_ path: String) async throws -> Void
    ) async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/admin.sock"
        let transport = AdminServer.Transport(
            listenerFactory: AdminListener(socket: .own(path: path), refused: { _ in }, crowded: {}),
            config: AdminServer.configuration(idle: idle))
        try await withGRPCServer(transport: transport, services: []) { _ in
            _ = await transport.listeningAddress
            try await body(path)
        }
        withExtendedLifetime(directory) {}
    }

    /// What has come, or comes next; nothing at the end. Waits on a thread that the server does not need.
    private func receive(_ socket: UnixSocket) async throws -> [UInt8] {
        try await outside {
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = unsafe recv(socket.descriptor.raw, &bytes, bytes.count, 0)
            return Array(bytes.prefix(max(count, 0)))
        }
    }

    @Test func streamsAndHeadersAreFew() async throws {
        try await withServer(idle: .seconds(60)) { path in
            let socket = try UnixSocket.connect(to: path, within: .seconds(30))
            try socket.send(Self.preface)
            let frame = try await receive(socket)
            try #require(frame.count >= 9 && frame[3] == 4)
            let payload = Array(frame[9...].prefix(Int(frame[1]) << 8 | Int(frame[2])))
            let settings = stride(from: 0, to: payload.count, by: 6).reduce(into: [UInt8: Int]()) { settings, at in
                settings[payload[at + 1]] = payload[(at + 2)..<(at + 6)].reduce(0) { $0 << 8 | Int($1) }
            }
            // By their numbers (RFC 9113 section 6.5.2).
            #expect(settings[0x3] == 64 && settings[0x6] == 16384)
        }
    }

    @Test func whoCallsNothingIsClosed() async throws {
        try await withServer(idle: .milliseconds(500)) { path in
            let socket = try UnixSocket.connect(to: path, within: .seconds(30))
            try socket.send(Self.preface)
            while try await !receive(socket).isEmpty {}
        }
    }

    /// Frames without end, of who is root: he gets rid of the one connection, and others are served.
    @Test(arguments: FrameFlood.Kind.allCases) func framesWithoutEndAreClosed(_ kind: FrameFlood.Kind) async throws {
        try await withServer(idle: .seconds(60)) { path in
            let seen = try await outside {
                try FrameFlood(kind, at: "unix:\(path)", calling: "/podshield.admin.v1.Admin/Status")
            }
            #expect(seen.closed > 0 && seen.stalled == 0, "\(seen)")
            #expect((1..<16 << 20).contains(seen.mostBytes), "\(seen)")
            let socket = try UnixSocket.connect(to: path, within: .seconds(30))
            try socket.send(Self.preface)
            #expect(try await !receive(socket).isEmpty)
        }
    }
}
