import Addressing
import Authority
import AuthorityAPI
import Foundation
import GRPCCore
import Identity
import Issuance
import KernelTestSupport
import NIOCore
import NIOPosix
import OpenSSLBinding
import RateLimiting
import SecureTransport
import Testing

@testable import NodeIdentity

@Suite(.timeLimit(.minutes(1))) struct SessionTests {
    @Test func aNodeComesBackAfterTheAuthorityRestarted() async throws {
        let first = try await TestAuthority()
        try await first.entry("/ns/shop/sa/web")
        let node = try await TestNode.joined("node-a", to: first)
        let prefix = try #require(IPPrefix("10.0.0.7"))
        try await node.service.setLeases([prefix])
        let issued = try await node.service.issue(pod())
        try await eventually("the directory knows of the lease") {
            await node.service.currentDirectory?.holder(of: prefix.address) == NodeNumber(rawValue: 1)
        }
        try await first.stop()

        try await eventually("disconnection") { await !node.service.status().isConnected }
        #expect(try await node.service.workload(pod().podName)?.svid.svid == issued.svid.svid)
        #expect(node.service.currentSVID != nil)
        #expect(await node.service.currentDirectory?.holder(of: prefix.address) == NodeNumber(rawValue: 1))

        let second = try await TestAuthority(in: first.directory, port: first.port)
        try await eventually("connection") { await node.service.status().isConnected }
        #expect(try await node.service.issue(pod("web-1")).identity == issued.identity)
        let other = try await TestNode.joined("node-b", to: second)
        try await eventually("the directory goes on") {
            await node.service.currentDirectory?.nodes.count == 2
        }
        _ = other
    }

    /// An authority whose registry came back from an old copy tells of revisions that have been.
    @Test func aDirectoryThatWentBackIsRefused() async throws {
        let first = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: first)
        try await first.stop()
        let copy = try RegistryCopy(of: first)
        let second = try await TestAuthority(in: first.directory, port: first.port)
        for index in 0..<5 {
            try await node.service.setLeases([try #require(IPPrefix("10.0.0.\(index + 1)"))])
        }
        try await eventually("the newest directory") {
            try await node.service.currentDirectory?.revision == second.service.directory().revision
        }
        let held = try #require(await node.service.currentDirectory)
        try await second.stop()
        try copy.restore()
        let third = try await TestAuthority(in: first.directory, port: first.port)
        try await eventually("refusal") {
            node.journal.contains { if case .directoryRefused(.rolledBack) = $0 { true } else { false } }
        }
        #expect(await node.service.currentDirectory == held)
        try await third.stop()
    }

    @Test func callsGiveUpWhenNobodyAnswers() async throws {
        let authority = try await TestAuthority()
        let directory = try await TestNode.joined("node-a", to: authority).directory
        try await authority.stop()
        let node = try TestNode(in: directory, patience: .milliseconds(300))
        await #expect {
            try await node.service.issue(pod())
        } throws: { error in
            if case .unreachable = error as? AuthorityCallError { true } else { false }
        }
    }

    @Test func aBannedNodeIsShutOutWhileConnected() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/ns/shop/sa/web")
        let a = try await TestNode.joined("node-a", to: authority)
        let b = try await TestNode.joined("node-b", to: authority)
        _ = try await a.service.issue(pod())
        try await eventually("b sees both") { await b.service.currentDirectory?.nodes.count == 2 }
        _ = try await authority.service.ban(node: "node-a")
        await #expect {
            try await a.service.issue(pod())
        } throws: { error in
            if case .denied = error as? AuthorityCallError { true } else { false }
        }
        try await eventually("b no longer sees it") { await b.service.currentDirectory?.nodes.count == 1 }
        try await eventually("a knows") {
            await a.service.status().exclusion?.reason.hasSuffix("node-a is banned") == true
        }
        await #expect(throws: JoinError.self) { try await a.service.join(authority.invitation(node: "node-a")) }
        #expect(await a.service.status().exclusion?.isOverOnceItJoins == false)
        #expect(await b.service.status().exclusion == nil)
    }

    private func standings(_ node: TestNode) -> [String] {
        node.journal.all.compactMap { event in
            switch event {
            case .joined: "joined"
            case .shutOut: "shut out"
            case .letIn: "let in"
            default: nil
            }
        }
    }

    @Test func anEvictedNodeKnowsItUntilItJoinsAgain() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: authority)
        try await eventually("a directory") { await node.service.currentDirectory != nil }
        _ = try await authority.service.evict(node: "node-a")
        try await eventually("it knows") {
            await node.service.status().exclusion?.reason.hasSuffix("node-a has not joined") == true
        }
        #expect(await node.service.status().exclusion?.isOverOnceItJoins == true)
        // Tries that are refused again are no news.
        try await eventually("another try") {
            node.journal.all.count { if case .disconnected = $0 { true } else { false } } >= 2
        }
        #expect(standings(node) == ["joined", "shut out"])
        try await node.join(authority.invitation(node: "node-a"))
        #expect(await node.service.status().exclusion == nil)
        #expect(standings(node) == ["joined", "shut out", "joined"])
    }

    /// What stands in a log beside it only is not seen where the file is copied or looked at alone.
    @Test func aStoppedAuthoritysRegistryIsOneFile() async throws {
        let authority = try await TestAuthority()
        _ = try await TestNode.joined("node-a", to: authority)
        try await authority.stop()
        let log = URL(filePath: authority.directory.path + "/authority/authority.sqlite-wal")
        #expect(((try? Data(contentsOf: log)) ?? Data()).isEmpty)
    }

    /// An authority that went back to a copy of its registry from before knows the node again.
    @Test func aNodeIsLetInAgainWithoutJoining() async throws {
        let first = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: first)
        try await eventually("a directory") { await node.service.currentDirectory != nil }
        try await first.stop()
        let copy = try RegistryCopy(of: first)
        let second = try await TestAuthority(in: first.directory, port: first.port)
        _ = try await second.service.evict(node: "node-a")
        try await eventually("it knows") { await node.service.status().exclusion != nil }
        try await second.stop()
        try copy.restore()
        let third = try await TestAuthority(in: first.directory, port: first.port)
        try await eventually(within: .seconds(30), "it is let in") { await node.service.status().exclusion == nil }
        #expect(standings(node) == ["joined", "shut out", "let in"])
        try await third.stop()
    }

    /// A machine that was cloned: after the original joined again, the copy's SVID counts for nothing.
    @Test func anSVIDOfBeforeTheLastJoinIsRefused() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/ns/shop/sa/web")
        let former = try await TestNode.joined("node-a", to: authority)
        _ = try await former.service.issue(pod())
        authority.clock.advance(seconds: 60)
        let new = try await TestNode.joined("node-a", to: authority)
        await #expect {
            try await former.service.issue(pod())
        } throws: { error in
            if case .joinedAgain = error as? AuthorityCallError { true } else { false }
        }
        _ = try await new.service.issue(pod())
    }

    /// All the others hear of it, without a moment between by which the authority could tell the two apart.
    @Test func whoJoinsTakesBackWhatTheNameHadBefore() async throws {
        let authority = try await TestAuthority(clock: TestClock(stoppedAt: TestClock().now))
        try await authority.entry("/ns/shop/sa/web")
        let other = try await TestNode.joined("node-b", to: authority, address: "192.0.2.2")
        let former = try await TestNode.joined("node-a", to: authority)
        let taken = [try #require(former.service.currentSVID?.svid), try await former.service.issue(pod()).svid.svid]
        let new = try await TestNode.joined("node-a", to: authority)
        let kept = [try #require(new.service.currentSVID?.svid), try await new.service.issue(pod()).svid.svid]
        try await eventually("the others know") { taken.allSatisfy { other.service.bundle.revokes($0) } }
        #expect(!kept.contains { other.service.bundle.revokes($0) })
        try await eventually("the former knows") { await former.service.status().exclusion != nil }
        #expect(await former.service.status().exclusion?.isOverOnceItJoins == false)
    }

    @Test func onlyJoinIsOpenToTheAnonymous() async throws {
        let authority = try await TestAuthority()
        let connection = try await anonymous(authority)
        let running = Task { try await connection.run() }
        defer { running.cancel() }
        // A header that names a caller is not believed.
        let metadata: Metadata = ["podshield-caller": "spiffe://example.org/podshield/node/node-a 0 99999999999"]
        let calls = connection.calls
        try await expectUnauthenticated {
            _ = try await calls.issueWorkload(Podshield_Authority_V1_IssueWorkloadRequest(), metadata: metadata)
        }
        try await expectUnauthenticated {
            _ = try await calls.renewNode(Podshield_Authority_V1_RenewNodeRequest(), metadata: metadata)
        }
        try await expectUnauthenticated {
            _ = try await calls.reportNode(Podshield_Authority_V1_ReportNodeRequest(), metadata: metadata)
        }
        try await expectUnauthenticated {
            try await calls.watchDirectory(Podshield_Authority_V1_WatchDirectoryRequest(), metadata: metadata) {
                for try await _ in $0.messages {}
            }
        }
    }

    private func expectUnauthenticated(_ call: () async throws -> Void) async throws {
        let error = await #expect(throws: RPCError.self) { try await call() }
        #expect(error?.code == .unauthenticated)
    }

    private func anonymous(_ authority: TestAuthority) async throws -> AuthorityConnection {
        let pin = try NodeJoin.fingerprint(authority.service.rootFingerprint)
        let clock = authority.clock
        let nobody = TransportIdentity(
            current: { nil }, bundle: { .empty(trustDomain) }, now: { clock.now })
        return try await AuthorityConnection.open(
            AuthorityAddress(authority.address), identity: nobody, expecting: .pinnedRoot(anyOf: [pin]))
    }

    /// A node may not speak for another, whatever header it sends.
    @Test func aNodeCannotCallAsAnother() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/ns/shop/sa/web", parent: "node-b")
        let a = try await TestNode.joined("node-a", to: authority)
        _ = try await TestNode.joined("node-b", to: authority)
        var message = Podshield_Authority_V1_IssueWorkloadRequest()
        message.pod = Podshield_Authority_V1_PodFacts(try pod())
        message.request = Data(try SigningRequest.make(key: PrivateKey.generate()))
        for name in ["podshield-caller", "Podshield-Caller"] {
            let metadata: Metadata = [name: "spiffe://example.org/podshield/node/node-b 0 99999999999"]
            let call = { [message] in
                try await a.service.caller.call { calls, options in
                    try await calls.issueWorkload(message, metadata: metadata, options: options)
                }
            }
            await #expect(throws: AuthorityCallError.self) { try await call() }
        }
    }

    /// A workload's certificate is good for TLS, and still opens nothing here.
    @Test func aWorkloadIsNoNode() async throws {
        let authority = try await TestAuthority()
        let signer = try Signer(authority.service.bundle, directory: authority.directory.path)
        for kind in [Signer.Kind.workload, .authority] {
            let svid = try signer.svid(kind)
            let bundle = authority.service.bundle
            let identity = TransportIdentity(
                current: { svid }, bundle: { bundle }, now: { Int64(Date().timeIntervalSince1970) })
            let connection = try await AuthorityConnection.open(
                AuthorityAddress(authority.address), identity: identity, expecting: .authority(exactly: nil))
            // A TLS 1.3 client is done before the server has judged it.
            await #expect(throws: ConnectionFailure.self) { try await connection.run() }
        }
        try await eventually("both refusals") {
            authority.journal.all.count { if case .connectionRefused(_, .unexpectedPeer) = $0 { true } else { false } }
                == 2
        }
    }

    /// Whoever comes to join has no reason to stay; whoever has joined has.
    @Test func anonymousConnectionsEnd() async throws {
        let first = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: first)
        try await first.stop()
        let authority = try await TestAuthority(in: first.directory, port: first.port) {
            $0.limits.anonymousConnection = .milliseconds(200)
        }
        try await eventually("connection") { await node.service.status().isConnected }
        let disconnections = { node.journal.all.count { if case .disconnected = $0 { true } else { false } } }
        let before = disconnections()
        let connection = try await anonymous(authority)
        let opened = ContinuousClock.now
        _ = try? await connection.run()
        #expect(ContinuousClock.now - opened < AuthorityLimits().anonymousConnection)
        #expect(disconnections() == before)
    }

    /// Reports in quick succession are not passed on one by one: the first ones, then one each pause, however long the reports take.
    @Test func changesInQuickSuccessionComeAsOne() async throws {
        let pause = Duration.milliseconds(500)
        let authority = try await TestAuthority { $0.limits.editions = Rate(burst: 1, perSecond: 2) }
        let a = try await TestNode.joined("node-a", to: authority)
        let b = try await TestNode.joined("node-b", to: authority, address: "192.0.2.2")
        try await eventually("a directory") { await b.service.currentDirectory != nil }
        func accepted() -> Int {
            b.journal.all.count { if case .directoryAccepted = $0 { true } else { false } }
        }
        let before = accepted()
        let begun = ContinuousClock.now
        for index in 0..<30 { try await a.service.setLeases([try #require(IPPrefix("10.0.0.\(index + 1)"))]) }
        try await eventually("the last one") {
            await b.service.currentDirectory?.holder(of: IPAddress("10.0.0.30")!) == NodeNumber(rawValue: 1)
        }
        #expect(Double(accepted() - before) <= 3 + (ContinuousClock.now - begun) / pause)
    }

    /// Broken connections are the problem of whoever broke them.
    @Test func garbageDoesNotStopTheServer() async throws {
        let authority = try await TestAuthority()
        for payload in ["GET / HTTP/1.0\r\n\r\n", "", String(repeating: "\u{16}", count: 100_000)] {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: Int(authority.port)).get()
            try? await channel.writeAndFlush(ByteBuffer(string: payload))
            try? await channel.close()
        }
        _ = try await TestNode.joined("node-a", to: authority)
    }

    @Test func tooManyCallsAreRefused() async throws {
        let authority = try await TestAuthority {
            $0.limits.nodeCalls = Rate(burst: 10, perSecond: 0.001)
            $0.limits.joins = Rate(burst: 2, perSecond: 0.001)
            $0.autoRegistration = AutoRegistration(scope: .allNodes)
        }
        let node = try await TestNode.joined("node-a", to: authority)
        await #expect {
            for index in 0..<11 { _ = try await node.service.issue(pod("web-\(index)")) }
        } throws: { error in
            if case .overloaded = error as? AuthorityCallError { true } else { false }
        }
        _ = try await TestNode.joined("node-b", to: authority)
        await #expect(throws: JoinError.call(.overloaded("too many tries"))) {
            try await TestNode.joined("node-c", to: authority)
        }
    }

    @Test func nodesConnectionsAreCounted() async throws {
        let authority = try await TestAuthority { $0.limits.nodeConnections = 1 }
        let first = try await TestNode.joined("node-a", to: authority)
        try await eventually("the one that may") { await first.service.status().isConnected }
        let second = try await TestNode.joined("node-b", to: authority)
        try await eventually("the refusal, with who and why") {
            authority.journal.contains {
                if case .nodeConnectionRefused(let node, .nodesHold(1)) = $0 {
                    "\(node)".hasSuffix("/node-b")
                } else {
                    false
                }
            }
        }
        #expect(await first.service.status().isConnected)
        await first.stop()
        try await eventually("room again") { await second.service.status().isConnected }
    }

    /// However few may be served.
    @Test func nodesConnectionsTakeNothingFromThoseWhoJoin() async throws {
        let authority = try await TestAuthority { $0.limits.admission.strangers.pending = 1 }
        var nodes: [TestNode] = []
        for name in ["node-a", "node-b", "node-c"] {
            nodes.append(try await TestNode.joined(name, to: authority))
            try await eventually("its connection") { await nodes.last?.service.status().isConnected == true }
        }
    }

    @Test func strangersOfOneSourceDoNotTakeAllConnections() async throws {
        let authority = try await TestAuthority {
            $0.limits.admission.pendingPerSource = 2
            $0.autoRegistration = AutoRegistration(scope: .allNodes)
        }
        let node = try await TestNode.joined("node-a", to: authority)
        _ = try await node.service.issue(pod("web-0"))
        var idle: [any Channel] = []
        for _ in 0..<6 {
            idle.append(
                try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connect(host: "127.0.0.1", port: Int(authority.port)).get())
        }
        try await eventually("all but two are closed") { idle.count(where: \.isActive) <= 2 }
        try await eventually("it is said once") {
            authority.journal.all.count { if case .flood = $0 { true } else { false } } == 1
        }
        // A node that is known goes on.
        _ = try await node.service.issue(pod("web-1"))
        for channel in idle { try? await channel.close() }
    }

    /// Not even of an authority that has just started.
    @Test func strangersTakeNothingFromNodesAddresses() async throws {
        let first = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: first, address: "127.0.0.1")
        await node.stop()
        try await first.stop()
        let authority = try await TestAuthority(in: first.directory, port: first.port) {
            $0.limits.admission.strangers.pending = 4
        }
        var idle: [any Channel] = []
        for _ in 0..<8 {
            idle.append(
                try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .bind(to: SocketAddress(ipAddress: "127.0.0.9", port: 0))
                    .connect(host: "127.0.0.1", port: Int(authority.port)).get())
        }
        try await eventually("all but four are closed") { idle.count(where: \.isActive) == 4 }
        _ = try await TestNode.joined("node-b", to: authority, address: "127.0.0.1")
        #expect(idle.count(where: \.isActive) == 4)
        for channel in idle { try? await channel.close() }
    }
}
