import Addressing
import GRDB
import Issuance
import JOSE
import KernelTestSupport
import Synchronization
import Testing

@testable import Authority

/// What another authority has that shares the registry: given up when it was seen to have ended for as long as the settings say, not when
/// the clock says that it has long ended.
@Suite struct EndOfOthersTests {
    private final class Clock: Sendable {
        let now = Mutex(start)
    }

    private let directory: TemporaryDirectory
    private let clock = Clock()

    init() throws { directory = try TemporaryDirectory() }

    private func advance(seconds: Int64) { clock.now.withLock { $0 += seconds } }

    /// An authority that does not serve.
    private func opened(grace: Duration) throws -> AuthorityService {
        var settings = AuthoritySettings(
            trustDomain: trustDomain, name: "main", stateDirectory: directory.path + "/authority",
            listenAddress: try #require(IPAddress("127.0.0.1")), listenPort: 0)
        settings.caLifetime = .seconds(30 * 86400)
        settings.limits.endedAuthority = grace
        return try AuthorityService(
            settings, now: { [clock] in clock.now.withLock { $0 } }, observe: { _ in })
    }

    /// By the one that has it, which closes.
    private func giveAway(_ table: String, where condition: String, by service: AuthorityService) async throws {
        try await service.registry.write(as: RegistryError.self) { db in
            try db.execute(sql: "UPDATE \(table) SET owner = 'other' WHERE \(condition)")
        }
        service.registry.close()
    }

    @Test(arguments: [Duration.zero, .seconds(86400)]) func aClockFarAheadTakesNoCAFromOthers(grace: Duration)
        async throws
    {
        let service = try opened(grace: grace)
        let former = service.authorities.current.active.fingerprint
        _ = try await service.prepareAuthority()
        advance(seconds: AuthorityLifecycle.leastNotice)
        _ = try await service.activateAuthority()
        try await giveAway("authorities", where: "fingerprint = '\(former)'", by: service)
        let again = try opened(grace: grace)
        let others = { again.authorities.current.foreign.map(\.chain[0].fingerprint) }
        #expect(others() == [former])
        advance(seconds: 365 * 86400)
        await again.lifecycle.look()
        #expect(others() == (grace == .zero ? [] : [former]))
        again.registry.close()
    }

    /// Others sign by it at that moment.
    @Test(arguments: [Duration.zero, .seconds(86400)]) func aClockFarAheadTakesNoKeyFromOthers(grace: Duration)
        async throws
    {
        let service = try opened(grace: grace)
        let key = try await service.jwtKeys.current().authority.keyID
        try await giveAway("jwt_keys", where: "key_id = '\(key)'", by: service)
        let again = try opened(grace: grace)
        advance(seconds: 100 * 86400)
        let own = try await again.jwtKeys.current().authority.keyID
        let left = try await again.registry.allJWTKeys().map(\.key.id)
        #expect(left == (grace == .zero ? [own] : [key, own]))
        again.registry.close()
    }
}
