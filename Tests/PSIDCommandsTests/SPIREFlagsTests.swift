import AdminAPI
import Foundation
import KernelTestSupport
import PSIDCommands
import Testing

/// What hands know that used SPIRE: it does what it did there, or is refused in a sentence.
@Suite struct SPIREFlagsTests {
    /// The admin socket, but for `api`, which never asks that.
    @Test(arguments: [
        ["api", "fetch", "x509"], ["api", "fetch"], ["api", "watch"], ["api", "fetch", "jwt", "-audience", "a"],
        ["api", "validate", "jwt", "-audience", "a", "-svid", "a.b.c"], ["entry", "list"],
        ["jwt", "mint", "-spiffeID", "spiffe://td/x", "-audience", "a"],
    ])
    func socketPathIsTheSocketThatIsAsked(_ command: [String]) async {
        for flag in [["-socketPath", "/nonexistent/a.sock"], ["-socketPath=/nonexistent/a.sock"]] {
            let outcome = await psid(command + flag)
            #expect(outcome.status == .notReachable)
            #expect(outcome.messages.hasPrefix("psid: /nonexistent/a.sock: "), "\(outcome.messages)")
        }
    }

    /// Whatever a socket is called.
    @Test(arguments: [
        ["-output", "json", "api", "fetch", "-socketPath", "/nonexistent/a.sock"],
        ["-socketPath", "api", "entry", "list"],
        ["-socketPath=api", "entry", "list"],
    ])
    func itMayStandBeforeTheCommand(_ arguments: [String]) async {
        let outcome = await psid(arguments)
        #expect(outcome.status == .notReachable, "\(outcome.messages)")
    }

    /// Nobody is asked whom it does not name.
    @Test func theAdminSocketIsNoWorkloadAPI() async {
        let outcome = await psid([
            "api", "fetch", "--socket", "/nonexistent/a.sock", "--endpoint", "unix:///nonexistent/b",
        ])
        #expect(outcome.status == .usage && outcome.messages.contains("--endpoint"), "\(outcome.messages)")
    }

    @Test(arguments: ["-write", "--write", "--out"]) func aMintedCertificateIsWritten(_ flag: String) async throws {
        let directory = try TemporaryDirectory()
        let daemon = FakeDaemon {
            ($0.mintX509.chain, $0.mintX509.bundle) = ([Data("leaf".utf8)], [Data("root".utf8)])
            $0.mintX509.privateKey = Data("key".utf8)
        }
        let outcome = try await psid(
            "x509", "mint", "-spiffeID", "spiffe://td/x", "-dns", "a.b", "-ttl", "60", flag, directory.path + "/svid",
            to: daemon)
        #expect(outcome.status == .success, "\(outcome.messages)")
        #expect(FileManager.default.fileExists(atPath: directory.path + "/svid/svid.pem"))
        let request = try #require(daemon.request(Podshield_Admin_V1_MintX509Request.self))
        #expect(request.spiffeID == "spiffe://td/x" && request.dnsNames == ["a.b"] && request.ttl == 60)
    }

    @Test func aNodeIsNamedByItsID() async throws {
        let id = "spiffe://example.org/podshield/node/node-b"
        for flag in [["-spiffeID", id], ["-spiffeID=\(id)"]] {
            let daemon = FakeDaemon { $0.nodeList = .init() }
            let outcome = try await psid(["node", "show"] + flag, to: daemon)
            #expect(outcome.status == .notFound, "\(outcome.messages)")
            #expect(daemon.request(Podshield_Admin_V1_NodeListRequest.self)?.node == id)
        }
    }

    /// What is not to be had here.
    @Test(arguments: [
        (["entry", "create", "-admin"], "admin API"), (["entry", "create", "-storeSVID"], "stored"),
        (["entry", "update", "-entryExpiry=1"], "delete it"), (["entry", "create", "-node"], "-parentID"),
        (["entry", "delete", "-file", "x"], "-entryID"),
        (["entry", "show", "-matchSelectorsOn", "exact"], "-spiffeID"),
        (["--config", "x", "entry", "create", "-node"], "-parentID"),
        (["token", "generate", "-spiffeID", "spiffe://td/x"], "--node"), (["jwt", "mint", "-write", "x"], "redirect"),
        (["bundle", "delete", "-id", "td", "-mode", "restrict"], "one way"),
        (["api", "fetch", "-timeout", "5s"], "timeout(1)"), (["api", "fetch", "x509", "-silent"], "redirect"),
        (["bundle", "show", "-instance", "a"], "one daemon"),
    ])
    func theRestIsRefusedInASentence(_ arguments: [String], _ words: String) async {
        let outcome = await psid(arguments)
        #expect(outcome.status == .usage && outcome.output == "")
        #expect(outcome.messages.contains(words), "\(outcome.messages)")
    }

    /// And what neither knows, as ever.
    @Test(arguments: [
        ["entry", "list", "-nonsense", "x"], ["api", "fetch", "-nonsense"],
        ["entry", "count", "-selector", "unix:uid:1"],
        ["node", "list", "-selector", "x"],
    ])
    func noFlagIsIgnored(_ arguments: [String]) async {
        #expect(await psid(arguments).status == .usage)
    }

    @Test func behindTwoHyphensThereAreNoFlags() async throws {
        let daemon = FakeDaemon { _ in }
        _ = try await psid("authority", "jwt", "revoke", "--force", "--", "-svid", to: daemon)
        #expect(daemon.request(Podshield_Admin_V1_JWTKeyRevokeRequest.self)?.keyID == "-svid")
    }
}
