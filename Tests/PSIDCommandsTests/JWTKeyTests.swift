import AdminAPI
import Foundation
import PSIDCommands
import Testing

/// `psid authority jwt`.
@Suite struct JWTKeyTests {
    private static let first = "GvA2gqHuKhSD6xA9nJx9oGbnFQO5zO0UDNnbHtIyf7g"
    private static let second = "-hyphen2gqHuKhSD6xA9nJx9oGbnFQO5zO0UDNnbHtI"

    private static func key(_ keyID: String, _ state: String) -> Podshield_Admin_V1_JWTKey {
        var key = Podshield_Admin_V1_JWTKey()
        key.keyID = keyID
        key.state = state
        key.notAfter = Messages.noon
        key.owner = "one"
        return key
    }

    private static func daemon() -> FakeDaemon {
        FakeDaemon {
            $0.statuses = [Messages.status]
            var former = key(first, "retired")
            former.tainted = true
            $0.jwtKeyList.keys = [former, key(second, "active")]
            $0.jwtKeyPrepare.key = key(second, "prepared")
            $0.jwtKeyActivate.key = key(second, "active")
            $0.jwtKeyTaint.key = former
            $0.jwtKeyRevoke.key = former
        }
    }

    @Test func listing() async throws {
        let outcome = try await psid("authority", "jwt", "list", to: Self.daemon())
        let lines = outcome.output.split(separator: "\n").map {
            $0.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
        }
        #expect(lines.count == 3)
        #expect(lines[1].starts(with: [Self.first, "retired,", "tainted"]) && lines[1].last == "one")
        #expect(lines[2].starts(with: [Self.second, "active"]))
    }

    @Test func listingForPrograms() async throws {
        let outcome = try await psid("authority", "jwt", "list", "-o", "json", to: Self.daemon())
        let document = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        let keys = try #require(document?["keys"] as? [[String: Any]])
        #expect(keys.map { $0["keyID"] as? String } == [Self.first, Self.second])
        #expect(keys.map { $0["tainted"] as? Bool } == [true, false])
        #expect(keys.map { $0["state"] as? String } == ["retired", "active"])
    }

    @Test(arguments: [["prepare"], ["activate"], ["taint", "GvA2"], ["revoke", "--force", "--", "-hyphen"]])
    func steps(_ arguments: [String]) async throws {
        let daemon = Self.daemon()
        let outcome = try await psid(["authority", "jwt"] + arguments, to: daemon)
        #expect(outcome.status == .success && outcome.output.hasPrefix("key "), "\(outcome.messages)")
        switch arguments[0] {
        case "taint": #expect(daemon.request(Podshield_Admin_V1_JWTKeyTaintRequest.self)?.keyID == "GvA2")
        case "revoke":
            let asked = daemon.request(Podshield_Admin_V1_JWTKeyRevokeRequest.self)
            #expect(asked?.keyID == "-hyphen" && asked?.force == true)
        default: break
        }
    }

    @Test func aRefusalIsSaid() async throws {
        let daemon = FakeDaemon { $0.error = AdminError(.precondition, "no key for JWT-SVIDs is prepared") }
        let outcome = try await psid("authority", "jwt", "activate", to: daemon)
        #expect(outcome.status != .success && outcome.messages.contains("no key for JWT-SVIDs is prepared"))
    }
}
