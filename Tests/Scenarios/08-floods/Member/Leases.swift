import Addressing
import AuthorityAPI
import Foundation
import Identity
import NodeIdentity

extension Membership {
    /// Makes the directory as large as one node can, and another each time: all the prefixes that it may report, none of
    /// them reported before. How often the authority took that down; one prefix more it must refuse.
    func reportLeases(until end: ContinuousClock.Instant) async throws -> Int {
        let service = try NodeIdentityService(
            settings, clock: NodeClock(now: { Int64(Date().timeIntervalSince1970) }), observe: { _ in })
        let running = Task { await service.run() }
        defer { running.cancel() }
        var count = 0
        while ContinuousClock.now < end {
            try await service.setLeases(Self.leases(AuthorityWire.mostLeases))
            count += 1
        }
        guard await isRefused({ try await service.setLeases(Self.leases(AuthorityWire.mostLeases + 1)) }) else {
            throw MemberError.tooMuchWasTaken
        }
        return count
    }

    private var settings: NodeIdentitySettings {
        get throws {
            guard let own = directory.node(identity.svid.id) else { throw MemberError.noSuchNode("itself") }
            return NodeIdentitySettings(
                trustDomain: bundle.trustDomain, stateDirectory: files.path,
                endpoint: NodeEndpoint(address: own.address, linkPort: own.linkPort, espPort: own.espPort))
        }
    }

    private func isRefused(_ report: () async throws -> LeaseReport) async -> Bool {
        do {
            _ = try await report()
            return false
        } catch { return true }
    }

    /// Single addresses, by chance out of the protected ones of node-c's own (fd42:0:0:5::/64).
    private static func leases(_ count: Int) -> Set<IPPrefix> {
        let network: [UInt8] = [0xfd, 0x42, 0, 0, 0, 0, 0, 5]
        return Set(
            (0..<count).compactMap { _ in
                IPAddress(bytes: network + (0..<8).map { _ in UInt8.random(in: 0...255) }).map(IPPrefix.init(single:))
            })
    }
}
