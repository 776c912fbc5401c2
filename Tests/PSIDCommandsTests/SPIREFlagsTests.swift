import AdminAPI
import Foundation
import KernelTestSupport
import PSIDCommands
import SwiftProtobuf
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

    @Test(arguments: [("-write", "key.pem"), ("--write", "key.pem"), ("--out", "svid.key")])
    func aMintedCertificateIsWritten(_ flag: String, _ key: String) async throws {
        let directory = try TemporaryDirectory()
        let daemon = FakeDaemon {
            ($0.mintX509.chain, $0.mintX509.bundle) = ([Data("leaf".utf8)], [Data("root".utf8)])
            $0.mintX509.privateKey = Data("key".utf8)
        }
        let outcome = try await psid(
            "x509", "mint", "-spiffeID", "spiffe://td/x", "-dns", "a.b", "-ttl", "60", flag, directory.path + "/svid",
            to: daemon)
        #expect(outcome.status == .success, "\(outcome.messages)")
        let written = try FileManager.default.contentsOfDirectory(atPath: directory.path + "/svid")
        #expect(Set(written.filter { !$0.hasPrefix(".") }) == ["svid.pem", key, "bundle.pem"])
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
        (["entry", "create", "--storeSVID=true"], "stored"), (["healthcheck", "-shallow"], "one check"),
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
        ["node", "list", "-selector", "x"], ["entry", "show", "e1", "-hint", "x"],
        ["entry", "show", "e1", "-downstream"],
        ["entry", "list", "-matchSelectorsOn", "some"], ["entry", "list", "-downstream=maybe"],
        ["entry", "list", "-hint"],
        ["api", "fetch", "-write", "a", "--out", "b"], ["x509", "mint", "-spiffeID", "spiffe://td/x"],
    ])
    func noFlagIsIgnored(_ arguments: [String]) async {
        #expect(await psid(arguments).status == .usage)
    }

    @Test func behindTwoHyphensThereAreNoFlags() async throws {
        let daemon = FakeDaemon { _ in }
        _ = try await psid("authority", "jwt", "revoke", "--force", "--", "-svid", to: daemon)
        #expect(daemon.request(Podshield_Admin_V1_JWTKeyRevokeRequest.self)?.keyID == "-svid")
    }

    private static func created(_ arguments: [String]) async throws -> (Outcome, Podshield_Admin_V1_Entry?) {
        let daemon = FakeDaemon { $0.entryCreate.entry = Messages.entry }
        let outcome = try await psid(["entry", "create", "-selector", "unix:uid:1"] + arguments, to: daemon)
        return (outcome, daemon.request(Podshield_Admin_V1_EntryCreateRequest.self)?.entry)
    }

    /// In Go the next word is the value, whatever it looks like.
    @Test(arguments: [
        ["-hint", "-path"], ["--hint", "-path"], ["-hint=-path"], ["--hint=-path"],
    ])
    func aValueStaysAsItIs(_ hint: [String]) async throws {
        let (outcome, entry) = try await Self.created(
            ["-spiffeID", "spiffe://td/x"] + hint + ["-dns", "-spiffeID", "-federatesWith", "--", "-x509SVIDTTL", "60"])
        #expect(outcome.status == .success, "\(outcome.messages)")
        #expect(entry?.spiffeID == "spiffe://td/x" && entry?.hint == "-path" && entry?.dnsNames == ["-spiffeID"])
        #expect(entry?.federatesWith == ["--"] && entry?.svidTtl == 60)
    }

    @Test(arguments: [["-hint", ""], ["-hint="]]) func aValueMayBeEmpty(_ hint: [String]) async throws {
        let (outcome, entry) = try await Self.created(["-spiffeID", "spiffe://td/x"] + hint)
        #expect(outcome.status == .success && entry?.hint == "", "\(outcome.messages)")
    }

    /// Go's flags have one dash or two.
    @Test func twoDashesAreAsGood() async throws {
        let (outcome, entry) = try await Self.created([
            "--spiffeID", "spiffe://td/x", "--parentID=spiffe://td/podshield/node/a", "--x509SVIDTTL", "60",
            "--jwtSVIDTTL=30",
        ])
        #expect(outcome.status == .success, "\(outcome.messages)")
        #expect(entry?.spiffeID == "spiffe://td/x" && entry?.parentID == "spiffe://td/podshield/node/a")
        #expect(entry?.svidTtl == 60 && entry?.jwtSvidTtl == 30)
    }

    @Test(arguments: [
        ("-downstream", true), ("--downstream", true), ("-downstream=true", true), ("--downstream=T", true),
        ("-downstream=false", false), ("-downstream=0", false),
    ])
    func whatIsSetMayBeSaid(_ flag: String, _ isSet: Bool) async throws {
        let (outcome, entry) = try await Self.created(["-spiffeID", "spiffe://td/x", "--node", "a", flag])
        #expect(outcome.status == .success && entry?.downstream == isSet, "\(outcome.messages)")
    }

    @Test(arguments: [
        ("90", 90), ("90s", 90), ("1h", 3600), ("1h30m", 5400), ("2h0m5s", 7205), ("1d", 86400), ("0", 0),
    ])
    func durationsAreUnderstood(_ text: String, _ seconds: Int64) async throws {
        let daemon = FakeDaemon { $0.mintJWT.token = "a.b.c" }
        let outcome = try await psid(
            "jwt", "mint", "-spiffeID", "spiffe://td/x", "-audience", "a", "-ttl", text, to: daemon)
        #expect(outcome.status == .success, "\(outcome.messages)")
        #expect(daemon.request(Podshield_Admin_V1_MintJWTRequest.self)?.ttl == seconds)
    }

    @Test(arguments: ["", "h", "1x", "1h ", "-1", "1.5h", "1h30", "٣s", "5000000000", "99999999d", "49710d49710d"])
    func whatIsNoDurationIsNot(_ text: String) async {
        let outcome = await psid(["jwt", "mint", "-spiffeID", "spiffe://td/x", "-audience", "a", "-ttl", text])
        #expect(outcome.status == .usage && outcome.messages.contains("--ttl"), "\(outcome.messages)")
    }

    private static func entry(
        _ id: String, _ selectors: [String], _ foreign: [String] = [], hint: String = "", downstream: Bool = false
    ) -> Podshield_Admin_V1_Entry {
        .with {
            ($0.id, $0.spiffeID, $0.selectors) = (id, "spiffe://td/\(id)", selectors)
            ($0.federatesWith, $0.hint, $0.downstream) = (foreign, hint, downstream)
        }
    }

    /// By SPIRE's meaning: an entry has at least what is given, unless something else is said.
    @Test(arguments: [
        (["-selector", "unix:uid:1"], ["a", "b"]),
        (["-selector", "unix:uid:1", "-selector", "unix:gid:1"], ["b"]),
        (["-selector", "unix:uid:1", "-matchSelectorsOn", "exact"], ["a"]),
        (["-selector", "unix:uid:1", "-selector", "unix:uid:2", "-matchSelectorsOn=any"], ["a", "b", "c"]),
        (["-selector", "unix:uid:1", "-selector", "unix:uid:2", "-matchSelectorsOn", "subset"], ["a", "c"]),
        (["-federatesWith", "one"], ["b", "c"]), (["-federatesWith", "spiffe://one", "--federatesWith", "two"], ["c"]),
        (["-federatesWith", "one", "-federatesWith", "two", "-matchFederatesWithOn", "subset"], ["b", "c"]),
        (["-federatesWith", "one", "-matchFederatesWithOn", "exact"], ["b"]),
        (["-hint", "h"], ["b"]), (["-downstream"], ["c"]), (["-downstream=false"], ["a", "b", "c"]),
        (["-hint", "h", "-downstream"], []),
    ])
    func entriesAreFound(_ filter: [String], _ found: [String]) async throws {
        let daemon = FakeDaemon {
            $0.entryList.entries = [
                Self.entry("a", ["unix:uid:1"]), Self.entry("b", ["unix:uid:1", "unix:gid:1"], ["one"], hint: "h"),
                Self.entry("c", ["unix:uid:2"], ["one", "two"], downstream: true),
            ]
        }
        let outcome = try await psid(["entry", "show", "-o", "json"] + filter, to: daemon)
        let ids = outcome.output.matches(of: #/"spiffeID" : "spiffe://td/(.)"/#).map { String($0.1) }
        #expect(outcome.status == .success && ids == found, "\(outcome.messages)")
        #expect(try await psid(["entry", "count"] + filter, to: daemon).output == "\(found.count)\n")
    }

    @Test func agentsAreNodes() async throws {
        let daemon = FakeDaemon { $0.nodeList.nodes = [.with { $0.name = "a" }, .with { $0.name = "b" }] }
        #expect(try await psid("agent", "count", to: daemon).output == "2\n")
        #expect(try await psid("node", "count", "-o", "json", to: daemon).output.contains("\"count\" : 2"))
        let one = FakeDaemon { $0.nodeList.nodes = [.with { $0.name = "a" }] }
        let shown = try await psid("agent", "show", "--spiffeID", "spiffe://td/podshield/node/a", to: one)
        #expect(
            shown.status == .success
                && one.request(Podshield_Admin_V1_NodeListRequest.self)?.node.hasSuffix("/a") == true)
    }

    @Test func aHealthcheckIsTheStatus() async throws {
        let daemon = FakeDaemon { $0.statuses = [Messages.status] }
        let (asked, status) = try await (psid("healthcheck", to: daemon), psid("status", to: daemon))
        #expect(asked.status == status.status && asked.output == status.output)
    }
}
