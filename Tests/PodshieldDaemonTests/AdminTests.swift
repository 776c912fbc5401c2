import AdminAPI
import Configuration
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import Glibc
import KernelTestSupport
import LinuxBinding
import SwiftProtobuf
import Telemetry
import Testing

@testable import PodshieldDaemon

/// The whole daemon of an authority, asked over its real socket.
@Suite(.serialized, .timeLimit(.minutes(1))) struct AdminTests {
    typealias Client = Podshield_Admin_V1_Admin.Client<HTTP2ClientTransport.Posix>

    private func withDaemon(_ body: @escaping @Sendable (Client, DaemonContext) async throws -> Void) async throws {
        try await withAuthority { try await body(Client(wrapping: $0), $1) }
    }

    private func error(of call: () async throws -> Void) async -> AdminError? {
        do {
            try await call()
            return nil
        } catch {
            return (error as? RPCError).flatMap(AdminError.init)
        }
    }

    @Test func theSocketIsForItsOwnerAlone() async throws {
        try await withDaemon { client, context in
            _ = try await client.status(.init())
            let paths = context.configuration.paths
            for (path, mode) in [(paths.run, 0o700), (paths.adminSocket, 0o700)] {
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                let found = attributes[.posixPermissions] as? Int ?? 0o777
                #expect(found & ~mode == 0, "\(path) has mode \(String(found, radix: 8))")
            }
        }
    }

    /// What a refusal quotes travels in trailers, where there is not room for everything.
    @Test func whatIsLongIsRefusedLikeAnythingElse() async throws {
        try await withDaemon { client, _ in
            for letter in ["a", "é", "\u{1b}"] {
                let text = String(repeating: letter, count: 50_000)
                let refusals = [
                    await error { _ = try await client.entryCreate(.with { $0.entry.spiffeID = text }) },
                    await error { _ = try await client.entryDelete(.with { $0.id = text }) },
                    await error { _ = try await client.revoke(.with { $0.subject.serial = text }) },
                    await error { _ = try await client.nodeEvict(.with { $0.node = text }) },
                ]
                #expect(refusals.map { $0?.reason } == [.invalid, .notFound, .notFound, .notFound])
                for refusal in refusals.compactMap(\.self) {
                    #expect(refusal.subject.hasSuffix("…") && text.hasPrefix(refusal.subject.dropLast()))
                    #expect(refusal.subject.utf8.count <= AdminError.longest + 3)
                }
            }
        }
    }

    /// Whether the daemon takes the connection: it answers the client's preface (RFC 9113 section 3.4), or else closes.
    private func isTaken(_ connection: UnixSocket) throws -> Bool {
        let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
        // It may be closed already.
        try? connection.send(preface)
        var (byte, count): (UInt8, Int) = (0, 0)
        // A machine that runs tests may keep either end waiting for longer than the socket does.
        for _ in 0..<10 {
            count = unsafe recv(connection.descriptor.raw, &byte, 1, 0)
            guard count < 0, errno == EAGAIN else { break }
        }
        try #require(count >= 0 || errno == ECONNRESET, "neither, errno \(errno)")
        return count > 0
    }

    @Test func moreConnectionsThanItTakesAreClosed() async throws {
        try await withDaemon { client, context in
            _ = try await client.status(.init())
            let path = context.configuration.paths.adminSocket
            var held: [UnixSocket] = []
            for _ in 1..<AdminListener.mostConnections {
                held.append(try UnixSocket.connect(to: path, within: .seconds(5)))
                try #require(try isTaken(held.last!))
            }
            #expect(try !isTaken(UnixSocket.connect(to: path, within: .seconds(5))))
            #expect(context.telemetry.history(last: 10).contains { $0.event.kind == .adminCrowded })
            _ = try await client.status(.init())
            held.removeLast()
            while try !isTaken(UnixSocket.connect(to: path, within: .seconds(5))) {}
        }
    }

    @Test func statusTellsWhatAnAuthorityIs() async throws {
        try await withDaemon { client, context in
            let before = try await client.status(.init())
            #expect(!before.ready)
            #expect(before.findings.map(\.code) == [EventKind.started.code] && before.findings[0].isError)
            context.reportReady()
            let status = try await client.status(.init())
            #expect(status.ready && !status.findings.contains { $0.isError })
            #expect(status.role == .authority && status.trustDomain == "example.org")
            #expect(status.authority.spiffeID == "spiffe://example.org/podshield/authority/authority")
            #expect(status.authority.listenAddress == "127.0.0.1:17601")
            #expect(status.authority.rootFingerprint.count == 64)
            #expect(!status.hasNode && !status.hasDatapath)
        }
    }

    @Test func entriesAreMadeFoundAndDeleted() async throws {
        try await withDaemon { client, _ in
            var entry = Podshield_Admin_V1_Entry()
            entry.spiffeID = "spiffe://example.org/ns/shop/sa/web"
            entry.parentID = "spiffe://example.org/podshield/node/node-a"
            entry.selectors = ["k8s:ns:shop", "k8s:sa:web"]
            entry.labels = ["app": "web"]
            let wanted = entry
            let made = try await client.entryCreate(.with { $0.entry = wanted }).entry
            #expect(made.id.count == 32 && made.spiffeID == wanted.spiffeID && made.labels == ["app": "web"])
            #expect(try await client.entryList(.init()).entries == [made])
            #expect(try await client.entryList(.with { $0.spiffeID = "spiffe://example.org/x" }).entries.isEmpty)

            let duplicate = await error { _ = try await client.entryCreate(.with { $0.entry = wanted }) }
            #expect(duplicate?.reason == .alreadyExists && duplicate?.subject == made.id)
            let nearly = String(made.id.dropLast()) + (made.id.last == "0" ? "1" : "0")
            let missing = await error { _ = try await client.entryDelete(.with { $0.id = nearly }) }
            #expect(missing?.reason == .notFound && missing?.nearest == [made.id])
            #expect(try await client.entryDelete(.with { $0.id = made.id }).entry == made)
            #expect(try await client.entryList(.init()).entries.isEmpty)
        }
    }

    @Test(arguments: [
        ("http://example.org/x", [String]()), ("spiffe://other.org/ns/shop/sa/web", ["k8s:ns:shop"]),
        ("spiffe://example.org/podshield/node/x", ["k8s:ns:shop"]),
        ("spiffe://example.org/ns/shop/sa/web", ["nonsense"]), ("spiffe://example.org/ns/shop/sa/web", []),
    ])
    func entriesThatMayNotBeAreRefused(id: String, selectors: [String]) async throws {
        try await withDaemon { client, _ in
            let refusal = await error {
                _ = try await client.entryCreate(
                    .with {
                        $0.entry.spiffeID = id
                        $0.entry.selectors = selectors
                    })
            }
            #expect(refusal?.reason == .invalid)
        }
    }

    @Test func tokensNameTheAuthority() async throws {
        try await withDaemon { client, context in
            let made = try await client.tokenGenerate(.with { $0.node = "node-b" })
            #expect(made.node == "node-b" && made.authorityAddress == "127.0.0.1:17601")
            #expect(made.rootFingerprint == (try await client.status(.init()).authority.rootFingerprint))
            let refusal = await error { _ = try await client.tokenGenerate(.with { $0.node = "no node/name" }) }
            #expect(refusal?.reason == .invalid)
            // The journal tells that a token was made, never the token.
            for recorded in context.telemetry.history(last: 1000) {
                #expect(!recorded.event.message.contains(made.token))
                #expect(!recorded.event.fields.values.contains { $0.contains(made.token) })
            }
        }
    }

    @Test func whatNeedsANodeSaysSo() async throws {
        try await withDaemon { client, _ in
            let calls: [@Sendable () async throws -> Void] = [
                { _ = try await client.peers(.init()) }, { _ = try await client.rekey(.init()) },
                { _ = try await client.podAdd(.init()) }, { _ = try await client.podList(.init()) },
                { _ = try await client.podRemove(.init()) }, { _ = try await client.issue(.init()) },
                { _ = try await client.datapathShow(.init()) }, { _ = try await client.datapathUninstall(.init()) },
            ]
            for call in calls { #expect(await error(of: call)?.reason == .precondition) }
        }
    }

    @Test func observersGetThePastAndThenWhatHappens() async throws {
        try await withDaemon { client, context in
            context.telemetry.record(.stopping(reason: "a first"))
            // The daemon has events of its own, before and after it.
            let past = { last in
                try await client.observe(.with { $0.last = last }) { response in
                    try await response.messages.reduce(into: [String]()) { $0.append($1.message) }
                }
            }
            #expect(try await past(1).count == 1)
            #expect(try await past(100).count { $0.contains("a first") } == 1)
            let followed = try await client.observe(
                .with {
                    $0.last = 100
                    $0.follow = true
                }
            ) { response in
                var seen: [String] = []
                for try await event in response.messages {
                    seen.append(event.message)
                    if event.message.contains("a first") { context.telemetry.record(.stopping(reason: "a second")) }
                    if event.message.contains("a second") { break }
                }
                return seen
            }
            #expect(followed.count { $0.contains("a first") } == 1)
        }
    }
}
