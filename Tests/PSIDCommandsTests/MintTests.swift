import AdminAPI
import Foundation
import KernelTestSupport
import PSIDCommands
import Testing

@Suite struct MintTests {
    private let directory: TemporaryDirectory
    private var out: String { directory.path + "/svid" }
    private static let id = "spiffe://example.org/ns/shop/sa/web"

    init() throws { directory = try TemporaryDirectory() }

    private static let token = FakeDaemon {
        ($0.mintJWT.token, $0.mintJWT.spiffeID, $0.mintJWT.audience) = ("eyJ.e30.c2ln", id, ["a", "b"])
        ($0.mintJWT.expiresAt, $0.mintJWT.keyID) = (Messages.noon + 300, "k1")
    }

    private static func certificate(key: String) -> FakeDaemon {
        FakeDaemon {
            ($0.mintX509.spiffeID, $0.mintX509.serial) = (id, "0a1b")
            ($0.mintX509.notBefore, $0.mintX509.notAfter) = (Messages.noon, Messages.noon + 3600)
            ($0.mintX509.chain, $0.mintX509.bundle) = ([Data("leaf".utf8)], [Data("root".utf8)])
            $0.mintX509.privateKey = Data(key.utf8)
        }
    }

    /// The token alone, so that it can be handed on.
    @Test func aTokenIsPrinted() async throws {
        let daemon = FakeDaemon { $0.mintJWT.token = "eyJ.e30.c2ln" }
        let outcome = try await psid(
            "jwt", "mint", "--spiffe-id", Self.id, "--audience", "a", "--audience", "b", "--ttl", "60", to: daemon)
        #expect(outcome.output == "eyJ.e30.c2ln\n" && outcome.messages == "")
        let request = try #require(daemon.request(Podshield_Admin_V1_MintJWTRequest.self))
        #expect(request.spiffeID == Self.id && request.audience == ["a", "b"] && request.ttl == 60)
    }

    @Test func aTokenAsJSON() async throws {
        let outcome = try await psid(
            "jwt", "mint", "--spiffe-id", Self.id, "--audience", "a", "-o", "json", to: Self.token)
        #expect(
            outcome.output == """
                {
                  "audience" : [
                    "a",
                    "b"
                  ],
                  "expiresAt" : "2025-11-25T19:21:17Z",
                  "keyID" : "k1",
                  "schema" : 1,
                  "spiffeID" : "spiffe://example.org/ns/shop/sa/web",
                  "token" : "eyJ.e30.c2ln"
                }

                """)
    }

    @Test(arguments: [
        ["jwt", "mint", "--spiffe-id", id], ["jwt", "mint", "--audience", "a"],
        ["jwt", "mint", "--spiffe-id", id, "--audience", "a", "--ttl", "-1"], ["x509", "mint", "--spiffe-id", id],
        ["x509", "mint", "--out", "x"],
    ])
    func whatIsMissingIsUsage(_ arguments: [String]) async {
        #expect(await psid(arguments).status == .usage)
    }

    @Test(arguments: ["table", "json"])
    func aCertificateIsWrittenWithItsKey(_ format: String) async throws {
        let daemon = Self.certificate(key: "secret key")
        let outcome = try await psid(
            "x509", "mint", "--spiffe-id", Self.id, "--out", out, "--dns", "web.example.org", "-o", format, to: daemon)
        #expect(outcome.status == .success && outcome.output.contains("0a1b"))
        let key = "c2VjcmV0IGtleQ=="
        #expect(!outcome.output.contains(key) && !outcome.messages.contains(key))
        #expect(try String(contentsOfFile: "\(out)/svid.key", encoding: .utf8).contains(key))
        #expect(try String(contentsOfFile: "\(out)/svid.pem", encoding: .utf8).contains("bGVhZg=="))
        #expect(try String(contentsOfFile: "\(out)/bundle.pem", encoding: .utf8).contains("cm9vdA=="))
        let mode =
            try FileManager.default.attributesOfItem(
                atPath: URL(filePath: "\(out)/svid.key").resolvingSymlinksInPath().path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let request = try #require(daemon.request(Podshield_Admin_V1_MintX509Request.self))
        #expect(request.spiffeID == Self.id && request.dnsNames == ["web.example.org"] && request.ttl == 0)
    }

    @Test func withoutAKeyNothingIsWritten() async throws {
        let outcome = try await psid(
            "x509", "mint", "--spiffe-id", Self.id, "--out", out, to: Self.certificate(key: ""))
        #expect(outcome.status == .failure && !FileManager.default.fileExists(atPath: out))
    }
}
