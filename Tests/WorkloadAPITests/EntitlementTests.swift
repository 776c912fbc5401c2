import AuthorityAPI
import Foundation
import Glibc
import Identity
import KernelTestSupport
import LinuxBinding
import Testing

@testable import WorkloadAPI

/// Who gets what, for this very process as the caller.
@Suite struct EntitlementTests {
    let identities: TestIdentities
    let attestor: Attestor
    let process: PeerProcess
    private let pair: (UnixSocket, UnixSocket)

    init() throws {
        identities = try TestIdentities()
        attestor = Attestor(identities)
        pair = try UnixSocket.pair()
        process = try PeerProcess(ofSocket: pair.0.descriptor.raw)
    }

    private func caller(_ place: Caller.Place = .host) -> Workload { .process(Caller(process: process, place: place)) }

    private func accounts(_ place: Caller.Place = .host) async -> [String] {
        let context = try? await attestor.x509Context(of: caller(place))
        return context?.svids.map { String($0.svid.svid.id.path.split(separator: "/").last!) } ?? []
    }

    private static let ownPath = (try? CurrentProcess.executable()) ?? ""

    private static func digest(of path: String) throws -> String {
        String(try Command.run("sha256sum", path).prefix(64))
    }

    /// E-4: what a process is, found out without its part.
    @Test func everyFactOfAProcessCanSelect() async throws {
        let digest = try Self.digest(of: Self.ownPath)
        let holding: [Selector] = [
            .userID(geteuid()), .userName("root"), .groupID(getegid()), .groupName("root"),
            .executablePath(Self.ownPath), .executableDigest(digest),
        ]
        for (index, selector) in holding.enumerated() { try identities.add("w\(index)", [selector]) }
        #expect(await accounts() == holding.indices.map { "w\($0)" })
    }

    @Test(arguments: [
        Selector.userID(4711), .userName("nobody"), .groupID(4711), .groupName("nogroup"),
        .supplementaryGroupID(4_000_000), .executablePath("/usr/bin/true"),
        .executableDigest(String(repeating: "0", count: 64)),
        .systemdUnit("no-such.service"), .namespace("shop"), .podLabel(key: "app", value: "web"),
    ])
    func whatIsNotSoSelectsNothing(selector: Selector) async throws {
        try identities.add("w", [.userID(geteuid()), selector])
        await #expect(throws: Denial.noIdentity) { try await attestor.x509Context(of: caller()) }
    }

    /// SPIFFE_Workload_API.md section 5.2.1, W-7: none twice in one response; an earlier one keeps it.
    @Test func w7HintsAreUnique() async throws {
        let selectors = [Selector.userID(geteuid())]
        for (account, hint) in [("a", "x"), ("b", "x"), ("c", ""), ("d", "y"), ("e", "")] {
            try identities.add(account, selectors, hint: hint)
        }
        let context = try await attestor.x509Context(of: caller())
        #expect(context.svids.map(\.hint) == ["x", "", "", "y", ""])
    }

    /// W-14: the first is the default, and that is the pod's own.
    @Test func w14APodsOwnIdentityComesFirst() async throws {
        let facts = try PodFacts(namespace: "shop", serviceAccount: "web", name: "web-0", labels: ["app": "web"])
        let own = try identities.svid("web")
        identities.change { $0.pods[3] = KnownPod(facts: facts, svid: own) }
        try identities.add("admin", [.namespace("shop"), .userID(geteuid())])
        try identities.add("web", [.namespace("shop")])
        try identities.add("other", [.namespace("bank")])
        #expect(await accounts(.container(number: 3)) == ["web", "admin"])
        #expect(await accounts(.container(number: 4)) == [])
        #expect(await accounts() == [])
    }

    /// Of a process in a pod alone, as far as they are known.
    @Test func whatIsKnownOfAPodSelects() async throws {
        let uid = try #require(PodUID("a1b2c3d4-e5f6-7890-abcd-ef1234567890"))
        let facts = try PodFacts(namespace: "shop", serviceAccount: "web", name: "web-0", labels: [:])
        identities.change {
            $0.pods[3] = KnownPod(facts: facts.keeping(uid), svid: nil, node: "node-a")
            $0.pods[4] = KnownPod(facts: facts, svid: nil, node: "node-a")
        }
        try identities.add("uid", [.podUID(uid)])
        try identities.add("node", [.nodeName("node-a"), .userID(geteuid())])
        try identities.add("other", [.nodeName("node-b")])
        #expect(await accounts(.container(number: 3)) == ["uid", "node"])
        #expect(await accounts(.container(number: 4)) == ["node"])
        #expect(await accounts() == [])
    }

    /// In a container of its own anyone may be any user, at any path.
    @Test func anImitatorInAContainerGetsNothing() async throws {
        try identities.add("host", [.userID(geteuid()), .executablePath(Self.ownPath)])
        #expect(await accounts() == ["host"])
        #expect(await accounts(.container(number: 3)) == [])
        #expect(await accounts(.elsewhere) == [])
    }

    @Test func aPodThatIsNewUnderItsNameIsAnother() async throws {
        let facts = try PodFacts(namespace: "shop", serviceAccount: "web", name: "web-0", labels: ["app": "web"])
        identities.change { $0.pods[3] = KnownPod(facts: facts, svid: nil) }
        try identities.add("labelled", [.podName("web-0"), .podLabel(key: "app", value: "web")])
        #expect(await accounts(.container(number: 3)) == ["labelled"])
        let relabelled = try PodFacts(namespace: "shop", serviceAccount: "web", name: "web-0", labels: [:])
        identities.change { $0.pods[3] = KnownPod(facts: relabelled, svid: nil) }
        #expect(await accounts(.container(number: 3)) == [])
    }

    /// E-6: not known yet is another answer than none.
    @Test func e6WhatIsNotKnownYetIsNotDenied() async throws {
        identities.change { $0.entries = nil }
        await #expect(throws: Denial.notReady) { try await attestor.x509Context(of: caller()) }
        identities.change { $0.entries = [] }
        await #expect(throws: Denial.noIdentity) { try await attestor.x509Context(of: caller()) }
        try identities.add("w", [.userID(geteuid())])
        identities.change { $0.svids = [:] }
        await #expect(throws: Denial.notReady) { try await attestor.x509Context(of: caller()) }
    }

    @Test func aPodKeepsItsOwnWhileTheAuthorityIsAway() async throws {
        let facts = try PodFacts(namespace: "shop", serviceAccount: "web", name: "web-0", labels: [:])
        let own = try identities.svid("web")
        identities.change {
            $0.entries = nil
            $0.pods = [3: KnownPod(facts: facts, svid: own), 4: KnownPod(facts: facts, svid: nil)]
        }
        #expect(await accounts(.container(number: 3)) == ["web"])
        await #expect(throws: Denial.notReady) { try await attestor.x509Context(of: caller(.container(number: 4))) }
    }

    /// After a restart a node knows the entries that somebody had an SVID of, and there may be others.
    @Test func whoHadAnIdentityBeforeARestartHasIt() async throws {
        try identities.add("w", [.userID(geteuid())])
        identities.change { $0.areAllEntries = false }
        #expect(await accounts() == ["w"])
        let another = try TokenWish(["db"], id: identities.svid("unknown-yet").svid.id.description)
        await #expect(throws: Denial.notReady) { try await attestor.tokens(of: caller(), another) }
        identities.remove("w")
        await #expect(throws: Denial.notReady) { try await attestor.x509Context(of: caller()) }
    }

    @Test func oneThatCannotBeHadDoesNotKeepTheOthersBack() async throws {
        for account in ["a", "b", "c"] { try identities.add(account, [.userID(geteuid())]) }
        identities.change { $0.svids["b"] = nil }
        #expect(await accounts() == ["a", "c"])
    }
}
