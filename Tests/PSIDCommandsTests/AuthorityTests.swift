import AdminAPI
import PSIDCommands
import Testing

@Suite struct AuthorityTests {
    private static let first = String(repeating: "ab", count: 32)
    private static let second = String(repeating: "cd", count: 32)

    private static func authority(_ fingerprint: String, _ state: String) -> Podshield_Admin_V1_CertificateAuthority {
        var authority = Podshield_Admin_V1_CertificateAuthority()
        authority.fingerprint = fingerprint
        authority.rootFingerprint = fingerprint
        authority.state = state
        authority.notAfter = Messages.noon
        return authority
    }

    private static func daemon() -> FakeDaemon {
        FakeDaemon {
            $0.statuses = [Messages.status]
            var former = authority(first, "retired")
            (former.tainted, former.serves, former.inUse) = (true, true, 7)
            $0.caList.authorities = [former, authority(second, "active")]
            $0.caPrepare.authority = authority(second, "prepared")
            $0.caActivate.authority = authority(second, "active")
            $0.caTaint.authority = former
            $0.caRevoke.authority = former
        }
    }

    @Test func listing() async throws {
        let outcome = try await psid("authority", "list", to: Self.daemon())
        let lines = outcome.output.split(separator: "\n").map {
            $0.split(separator: " ", omittingEmptySubsequences: true)
        }
        #expect(lines.count == 3)
        #expect(lines[1].map(String.init).starts(with: [Self.first + "*", "retired,", "tainted"]))
        #expect(lines[1].suffix(2) == ["7", "itself"] && lines[2].first.map(String.init) == Self.second)
    }

    @Test(arguments: [["prepare"], ["activate"], ["taint", "abab"], ["revoke", "abab", "--force"]])
    func steps(_ arguments: [String]) async throws {
        let daemon = Self.daemon()
        let outcome = try await psid(["authority"] + arguments, to: daemon)
        #expect(outcome.status == .success && outcome.output.hasPrefix("CA "), "\(outcome.messages)")
        switch arguments[0] {
        case "taint": #expect(daemon.request(Podshield_Admin_V1_CATaintRequest.self)?.fingerprint == "abab")
        case "revoke":
            let asked = daemon.request(Podshield_Admin_V1_CARevokeRequest.self)
            #expect(asked?.fingerprint == "abab" && asked?.force == true)
        default: break
        }
    }

    @Test func aRefusalIsSaid() async throws {
        let daemon = FakeDaemon { $0.error = AdminError(.precondition, "no CA is prepared") }
        let outcome = try await psid("authority", "activate", to: daemon)
        #expect(outcome.status != .success && outcome.messages.contains("no CA is prepared"))
    }
}
