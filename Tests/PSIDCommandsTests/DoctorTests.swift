import AdminAPI
import Foundation
import KernelTestSupport
import PSIDCommands
import Testing

@Suite struct DoctorTests {
    private let directory: TemporaryDirectory
    private let configuration: String

    init() throws {
        directory = try TemporaryDirectory()
        configuration = directory.path + "/config.yaml"
        let text = """
            role: authority
            trust-domain: example.org
            authority: {listen: 127.0.0.1, port: 1}
            paths: {state: \(directory.path)/state, run: \(directory.path)/run}
            """
        try text.write(toFile: configuration, atomically: true, encoding: .utf8)
    }

    private struct Document: Decodable {
        struct Finding: Decodable {
            let code: String
            let kind: String
            let severity: String
            let message: String
            let remedy: String
        }
        let schema: Int
        let findings: [Finding]
    }

    private func errors(_ outcome: Outcome) throws -> [Document.Finding] {
        try JSONDecoder().decode(Document.self, from: Data(outcome.output.utf8)).findings.filter {
            $0.severity == "error"
        }
    }

    @Test func aConfigurationThatIsWrongIsAllThereIsToSay() async throws {
        try "rol: node".write(toFile: configuration, atomically: true, encoding: .utf8)
        let outcome = await psid(["doctor", "--pre", "-o", "json", "--config", configuration])
        #expect(outcome.status == .problemsFound)
        #expect(outcome.messages == "")
        let errors = try errors(outcome)
        #expect(Set(errors.map(\.code)) == ["PSD6001"])
        #expect(errors.contains { $0.message.hasPrefix("\(configuration):1:1: ") })
    }

    @Test func aMachineThatIsReady() async throws {
        let outcome = await psid(["doctor", "--pre", "-o", "json", "--config", configuration])
        #expect(try errors(outcome).isEmpty)
        #expect(outcome.status == .success)
    }

    @Test func aDaemonThatDoesNotRunHasLeftWhy() async throws {
        let run = directory.path + "/run"
        try FileManager.default.createDirectory(
            atPath: run, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        let failure = #"{"time":1764097200,"obstacles":[{"code":"PSD3002","message":"the join token is \u001b[31m"}]}"#
        try failure.write(toFile: run + "/last-failure.json", atomically: true, encoding: .utf8)
        let outcome = await psid(["doctor", "-o", "json", "--config", configuration])
        #expect(outcome.status == .problemsFound)
        #expect(try errors(outcome).map(\.code) == ["PSD1003", "PSD3002"])
        let table = await psid(["doctor", "--config", configuration])
        #expect(table.output.contains("error PSD3002 the join token is \\u{1B}[31m (said at 2025-11-25T19:00:00Z)\n  "))
        #expect(!table.output.contains("\u{1b}"))
    }

    @Test func whatTheDaemonFindsComesWithARemedy() async throws {
        var status = Messages.status
        var finding = Podshield_Admin_V1_Finding()
        (finding.code, finding.isError, finding.message) = ("PSD5009", true, "device eth0 is not watched")
        status.findings = [finding]
        let answer = status
        let outcome = try await psid(
            ["doctor", "-o", "json", "--config", configuration], to: FakeDaemon { $0.statuses = [answer] })
        #expect(outcome.status == .problemsFound)
        let found = try #require(try errors(outcome).first)
        #expect((found.code, found.kind, found.message) == ("PSD5009", "uplink-failed", finding.message))
        #expect(!found.remedy.isEmpty)
    }

    /// A finding of a later version than ours.
    @Test func aCodeThatIsNotKnownIsStillShown() async throws {
        var status = Messages.status
        var finding = Podshield_Admin_V1_Finding()
        (finding.code, finding.isError, finding.message) = ("PSD9999", true, "something new")
        status.findings = [finding]
        let answer = status
        let outcome = try await psid(
            ["doctor", "-o", "json", "--config", configuration], to: FakeDaemon { $0.statuses = [answer] })
        #expect(try errors(outcome).map(\.message) == ["PSD9999: something new"])
    }
}
