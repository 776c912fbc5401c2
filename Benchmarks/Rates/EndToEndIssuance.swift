import Addressing
import Authority
import AuthorityAPI
import Foundation
import Identity
import NodeIdentity
import RateLimiting

/// A node asks an authority over TLS on loopback, both in this process: key, request, registry, signature, verification.
struct EndToEndIssuance {
    /// Requests under way at one time.
    private static let width = 8
    private static let unlimited = Rate(burst: 1e9, perSecond: 1e9)

    func rate(for duration: Duration) async throws -> Double {
        let directory = FileManager.default.temporaryDirectory.appending(path: "podshield-rates-\(getpid())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: directory) }
        let authority = try AuthorityService(settings(directory), now: Self.now, observe: { _ in })
        let serving = Task { try await authority.run() }
        let node = try await Self.join(authority, directory)
        let running = Task { await node.run() }
        try await Self.waitUntilConnected(node)
        let rate = try await Self.issue(at: node, for: duration)
        running.cancel()
        await running.value
        await authority.stop()
        try await serving.value
        return rate
    }

    private static let now: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }

    private func settings(_ directory: URL) throws -> AuthoritySettings {
        var settings = AuthoritySettings(
            trustDomain: try TrustDomain("example.org"), name: "main",
            stateDirectory: directory.appending(path: "authority").path, listenAddress: IPAddress("127.0.0.1")!,
            listenPort: 0)
        settings.autoRegistration = AutoRegistration(scope: .allNodes)
        settings.limits.nodeCalls = Self.unlimited
        return settings
    }

    private static func join(_ authority: AuthorityService, _ directory: URL) async throws -> NodeIdentityService {
        let endpoint = NodeEndpoint(address: IPAddress("192.0.2.1")!, linkPort: 7600, espPort: 4500)
        let node = try NodeIdentityService(
            NodeIdentitySettings(
                trustDomain: authority.settings.trustDomain, stateDirectory: directory.appending(path: "node").path,
                endpoint: endpoint),
            clock: NodeClock(now: now), observe: { _ in })
        let made = try await authority.generateToken(InvitationTerms(node: "node-a"))
        try await node.join(
            JoinInvitation(
                .token(made.token), authorityAddress: made.authorityAddress, rootFingerprints: [made.rootFingerprint],
                nodeName: "node-a"))
        return node
    }

    private static func waitUntilConnected(_ node: NodeIdentityService) async throws {
        while await !node.status().isConnected { try await Task.sleep(for: .milliseconds(10)) }
    }

    private static func issue(at node: NodeIdentityService, for duration: Duration) async throws -> Double {
        let start = ContinuousClock.now
        let issued = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<width {
                group.addTask { try await issue(to: "web-\(number)", at: node, until: start + duration) }
            }
            return try await group.reduce(0, +)
        }
        return Double(issued) / start.duration(to: .now).inSeconds
    }

    private static func issue(
        to pod: String, at node: NodeIdentityService, until end: ContinuousClock.Instant
    ) async throws -> Int {
        let pod = try PodFacts(namespace: "shop", serviceAccount: "web", name: pod, labels: [:])
        var issued = 0
        while ContinuousClock.now < end {
            _ = try await node.issue(pod)
            issued += 1
        }
        return issued
    }
}
