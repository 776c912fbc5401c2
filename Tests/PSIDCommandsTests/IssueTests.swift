import AdminAPI
import Foundation
import KernelTestSupport
import PSIDCommands
import Testing

@Suite struct IssueTests {
    private let directory: TemporaryDirectory
    private var out: String { directory.path + "/svid" }

    init() throws { directory = try TemporaryDirectory() }

    private static func daemon(key: String = "") -> FakeDaemon {
        FakeDaemon {
            $0.issue = Messages.issued
            $0.issue.privateKey = Data(key.utf8)
        }
    }

    @Test func showing() async throws {
        let daemon = Self.daemon()
        let outcome = try await psid("issue", "--pod", "web-0", to: daemon)
        #expect(
            outcome.output == """
                spiffe://example.org/ns/shop/sa/web
                  pod         shop/web-0
                  identity    256
                  serial      0a1b
                  valid from  2025-11-25T19:16:17Z
                  until       2025-11-25T20:16:17Z
                  good on     spiffe://example.org/podshield/node/node-a

                """)
        let request = try #require(daemon.request(Podshield_Admin_V1_IssueRequest.self))
        #expect(request.pod == "web-0" && request.namespace == "" && !request.renew && !request.wantKey)
    }

    @Test func asJSON() async throws {
        let outcome = try await psid("issue", "--pod", "web-0", "-o", "json", to: Self.daemon())
        #expect(
            outcome.output == #"""
                {
                  "bundle" : [
                    "-----BEGIN CERTIFICATE-----\ncm9vdA==\n-----END CERTIFICATE-----\n"
                  ],
                  "chain" : [
                    "-----BEGIN CERTIFICATE-----\nbGVhZg==\n-----END CERTIFICATE-----\n",
                    "-----BEGIN CERTIFICATE-----\n\#(String(repeating: "/", count: 64))\n//8=\n-----END CERTIFICATE-----\n"
                  ],
                  "identity" : 256,
                  "namespace" : "shop",
                  "node" : "spiffe://example.org/podshield/node/node-a",
                  "notAfter" : "2025-11-25T20:16:17Z",
                  "notBefore" : "2025-11-25T19:16:17Z",
                  "pod" : "web-0",
                  "schema" : 1,
                  "serial" : "0a1b",
                  "spiffeID" : "spiffe://example.org/ns/shop/sa/web"
                }

                """#)
    }

    @Test func writing() async throws {
        let daemon = Self.daemon(key: "secret key")
        let outcome = try await psid("issue", "--pod", "web-0", "--renew", "--out", out, to: daemon)
        #expect(outcome.status == .success)
        let key = try String(contentsOfFile: "\(out)/svid.key", encoding: .utf8)
        #expect(key == "-----BEGIN PRIVATE KEY-----\nc2VjcmV0IGtleQ==\n-----END PRIVATE KEY-----\n")
        let chain = try String(contentsOfFile: "\(out)/svid.pem", encoding: .utf8)
        #expect(chain.components(separatedBy: "BEGIN CERTIFICATE").count == 3 && chain.contains("\nbGVhZg==\n"))
        #expect(try String(contentsOfFile: "\(out)/bundle.pem", encoding: .utf8).contains("\ncm9vdA==\n"))
        let request = try #require(daemon.request(Podshield_Admin_V1_IssueRequest.self))
        #expect(request.renew && request.wantKey)
    }

    @Test(arguments: ["table", "json"])
    func theKeyIsForTheFileOnly(_ format: String) async throws {
        let outcome = try await psid(
            "issue", "--pod", "web-0", "--out", out, "-o", format, to: Self.daemon(key: "secret key"))
        for text in [outcome.output, outcome.messages] {
            #expect(!text.contains("c2VjcmV0IGtleQ") && !text.contains("PRIVATE"))
        }
    }

    @Test func modesOfTheFiles() async throws {
        _ = try await psid("issue", "--pod", "web-0", "--out", out, to: Self.daemon(key: "k"))
        for (name, mode) in ["svid.key": 0o600, "svid.pem": 0o644, "bundle.pem": 0o644] {
            var status = stat()
            #expect(unsafe stat("\(out)/\(name)", &status) == 0 && status.st_mode & 0o7777 == mode)
        }
    }

    @Test func filesOfOthersAreNotReplaced() async throws {
        try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: false)
        try Data("mine".utf8).write(to: URL(filePath: "\(out)/svid.pem"))
        let outcome = try await psid("issue", "--pod", "web-0", "--out", out, to: Self.daemon(key: "k"))
        #expect(outcome.status == .failure && outcome.output == "")
        #expect(
            outcome.messages
                == "psid: replace \(out)/svid.pem: File exists (it was not written by this program)\n")
        #expect(try FileManager.default.contentsOfDirectory(atPath: out) == ["svid.pem"])
    }

    @Test func aDaemonThatKeepsTheKey() async throws {
        let outcome = try await psid("issue", "--pod", "web-0", "--out", out, to: Self.daemon())
        #expect(outcome.status == .failure)
        #expect(outcome.messages == "psid: podshield-idd has not given out the private key\n")
        #expect(!FileManager.default.fileExists(atPath: out))
    }
}
