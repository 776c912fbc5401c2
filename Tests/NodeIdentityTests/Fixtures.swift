import Addressing
import Authority
import AuthorityAPI
import Foundation
import Identity
import KernelTestSupport
import OpenSSLBinding
import Synchronization
import Testing
import TrustedPlatform

@testable import NodeIdentity

let trustDomain = try! TrustDomain("example.org")

/// Real time, or one moment for as long as the test takes, plus what a test adds to it.
final class TestClock: Sendable {
    private let offset = Mutex<Int64>(0)
    private let moment: Int64?

    init(stoppedAt moment: Int64? = nil) { self.moment = moment }

    var now: Int64 { (moment ?? Int64(Date().timeIntervalSince1970)) + offset.withLock { $0 } }
    func advance(seconds: Int64) { offset.withLock { $0 += seconds } }
}

/// Collects events.
final class Journal<Event: Sendable>: Sendable {
    private let events = Mutex<[Event]>([])

    func write(_ event: Event) { events.withLock { $0.append(event) } }
    var all: [Event] { events.withLock { $0 } }

    func contains(_ matches: (Event) -> Bool) -> Bool { all.contains(where: matches) }
}

/// An authority on a free port of loopback, in a directory of its own.
final class TestAuthority: Sendable {
    let directory: TemporaryDirectory
    let clock: TestClock
    let journal = Journal<AuthorityEvent>()
    let service: AuthorityService
    let port: UInt16
    private let running: Task<Void, any Error>

    init(
        in directory: TemporaryDirectory? = nil, port: UInt16 = 0, clock: TestClock = TestClock(),
        adjust: (inout AuthoritySettings) -> Void = { _ in }
    ) async throws {
        self.directory = try directory ?? TemporaryDirectory()
        self.clock = clock
        var settings = AuthoritySettings(
            trustDomain: trustDomain, name: "main", stateDirectory: self.directory.path + "/authority",
            listenAddress: try #require(IPAddress("127.0.0.1")), listenPort: port)
        adjust(&settings)
        let observe = { @Sendable [journal] (event: AuthorityEvent) in journal.write(event) }
        let service: AuthorityService
        if case .asked? = settings.upstream {
            // Whoever is asked may need the threads that tasks run on.
            service = try await .open(settings, now: { clock.now }, observe: observe)
        } else {
            service = try AuthorityService(settings, now: { clock.now }, observe: observe)
        }
        self.service = service
        running = Task { try await service.run() }
        self.port = try #require(await service.port)
    }

    deinit { running.cancel() }

    func stop() async throws {
        await service.stop()
        try await running.value
    }

    var address: String { "127.0.0.1:\(port)" }

    func invitation(node: String? = nil, lifetime: Duration = .seconds(600)) async throws -> JoinInvitation {
        let made = try await service.generateToken(InvitationTerms(node: node, lifetime: lifetime))
        return JoinInvitation(
            .token(made.token), authorityAddress: address, rootFingerprints: [made.rootFingerprint], nodeName: node)
    }

    @discardableResult
    func entry(
        _ path: String, parent: String? = nil, selectors: [Selector] = [.namespace("shop")],
        labels: [String: String] = [:], lifetime: Duration? = nil
    ) async throws -> RegistrationEntry {
        try await service.createEntry(
            NewEntry(
                spiffeID: SPIFFEID(trustDomain: trustDomain, path: path),
                parent: parent.map { try ReservedNames.node($0, in: trustDomain) }, selectors: selectors,
                labels: labels, lifetime: lifetime))
    }
}

/// The registry of an authority that is stopped, to go back to.
struct RegistryCopy {
    private let path: String
    private let suffixes = ["", "-wal"]

    init(of authority: TestAuthority) throws {
        path = authority.directory.path + "/authority/authority.sqlite"
        for suffix in suffixes {
            try FileManager.default.copyItem(atPath: path + suffix, toPath: path + suffix + ".copy")
        }
    }

    /// Of an authority that is stopped again.
    func restore() throws {
        try FileManager.default.removeItem(atPath: path + "-shm")
        for suffix in suffixes {
            try FileManager.default.removeItem(atPath: path + suffix)
            try FileManager.default.moveItem(atPath: path + suffix + ".copy", toPath: path + suffix)
        }
    }
}

/// A node that runs.
final class TestNode: Sendable {
    let directory: TemporaryDirectory
    let journal = Journal<NodeIdentityEvent>()
    let service: NodeIdentityService
    private let running: Task<Void, Never>

    init(
        in directory: TemporaryDirectory? = nil, clock: TestClock = TestClock(), address: String = "192.0.2.1",
        authorities: [String] = [], patience: Duration = .seconds(30), tpm: (any TPMSource)? = nil,
        keyAlgorithm: KeyAlgorithm = .ecP256,
        stateKey: SecretBytes? = nil,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) throws {
        self.directory = try directory ?? TemporaryDirectory()
        var settings = NodeIdentitySettings(
            trustDomain: trustDomain, stateDirectory: self.directory.path + "/node",
            endpoint: NodeEndpoint(address: try #require(IPAddress(address)), linkPort: 4510, espPort: 4500))
        settings.authorityAddresses = authorities
        settings.patience = patience
        settings.stateKey = stateKey
        settings.tpm = tpm
        settings.keyAlgorithm = keyAlgorithm
        let service = try NodeIdentityService(
            settings, clock: NodeClock(now: { clock.now }, sleep: sleep), observe: { [journal] in journal.write($0) })
        self.service = service
        running = Task { await service.run() }
    }

    deinit { running.cancel() }

    func stop() async {
        running.cancel()
        await running.value
    }

    /// Holds on to the node while it joins.
    func join(_ invitation: JoinInvitation) async throws { try await service.join(invitation) }

    static func joined(_ name: String, to authority: TestAuthority, address: String = "192.0.2.1") async throws
        -> TestNode
    {
        let node = try TestNode(clock: authority.clock, address: address)
        try await node.join(authority.invitation(node: name))
        return node
    }
}

func pod(_ name: String = "web-0", namespace: String = "shop", labels: [String: String] = [:]) throws -> PodFacts {
    try PodFacts(namespace: namespace, serviceAccount: "web", name: name, labels: labels)
}

/// Waits for something that other tasks bring about.
func eventually(
    within patience: Duration = .seconds(30), _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation,
    _ holds: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + patience
    while try await !holds() {
        guard .now < deadline else {
            Issue.record(what, sourceLocation: sourceLocation)
            return
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}
