import Foundation
import KernelTestSupport
import PSIDCommands
import Testing

/// The scenario 06-bad-input looks for real keys in a real dump.
@Suite struct SysdumpTests {
    private let directory: TemporaryDirectory
    private let configuration: String
    private static let token = "canary-0123456789"

    init() throws {
        directory = try TemporaryDirectory()
        configuration = directory.path + "/config.yaml"
        let text = """
            role: node
            trust-domain: example.org
            protected: [10.42.0.0/16]
            node: {name: a, address: 192.0.2.1}
            join: {authority: "192.0.2.2:7601", root-fingerprint: \(String(repeating: "0", count: 64)), token: \(Self.token)}
            paths: {state: \(directory.path)/state, run: \(directory.path)/run}
            """
        try text.write(toFile: configuration, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: configuration)
        try FileManager.default.createDirectory(
            atPath: directory.path + "/state", withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700])
        try Self.token.write(toFile: directory.path + "/state/secret", atomically: true, encoding: .utf8)
    }

    private var dump: String { directory.path + "/dump" }

    private func file(_ name: String) throws -> String {
        try String(contentsOfFile: "\(dump)/\(name)", encoding: .utf8)
    }

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test func holdsWhatTheDaemonSaysAndNoToken() async throws {
        let outcome = try await psid(
            ["sysdump", "--directory", dump, "--config", configuration],
            to: FakeDaemon { $0.statuses = [Messages.status] })
        #expect(outcome.status == .success)
        #expect(outcome.output == "\(dump)\n")
        #expect(try mode(dump) == 0o700)
        let names = try FileManager.default.contentsOfDirectory(atPath: dump)
        #expect(Set(names).isSuperset(of: ["status.json", "peers.json", "pods.json", "datapath.json", "config.yaml"]))
        for name in names {
            #expect(try mode("\(dump)/\(name)") == 0o600, "\(name)")
            #expect(try !file(name).contains(Self.token), "\(name)")
        }
        #expect(try file("status.json").contains("spiffe://example.org/podshield/node/node-a"))
        #expect(try file("config.yaml").contains("192.0.2.2:7601"))
        #expect(try file("files.txt").contains("\(directory.path)/state/secret"))
    }

    @Test func saysWhatIsMissingWithoutADaemon() async throws {
        let outcome = await psid(["sysdump", "--directory", dump, "--config", configuration])
        #expect(outcome.status == .success)
        #expect(try file("missing.txt").contains("status.json: \(directory.path)/run/admin.sock: "))
        #expect(try file("findings.json").contains("PSD1003"))
    }

    @Test func isAnArchiveForItsOwnerUnlessToldOtherwise() async throws {
        let archive = directory.path + "/dump.tar.gz"
        let outcome = await psid(["sysdump", "--out", archive, "--config", configuration])
        #expect(outcome.status == .success)
        #expect(try mode(archive) == 0o600)
        let listed = try Command.run("tar", "--list", "--file", archive)
        #expect(listed.contains("/config.yaml\n"))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() == [
                "config.yaml", "dump.tar.gz", "state",
            ])
        let again = await psid(["sysdump", "--out", archive, "--config", configuration])
        #expect(again.status == .failure)
    }
}
