import AdminAPI
import ArgumentParser
import Configuration
import FoundationEssentials
import Preflight
import PrintableText
import Telemetry

struct DoctorCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Find what is wrong here, and say what to do about it.",
        discussion: """
            Looks at the configuration, the kernel, the state and the ports, and asks the daemon what it finds. Each finding \
            has a code that docs/operations.md explains. Exit status 2 when something is wrong.
            """)

    @OptionGroup var options: GlobalOptions

    @Flag(help: "Before the daemon is started: only what can be seen without it.")
    var pre = false

    func run(in session: Session) async throws {
        let document = DoctorDocument(await findings(session))
        if session.isJSON {
            try session.console.print(json: document)
        } else {
            session.console.print(document.lines(session.console))
        }
        if !document.isSound { throw CommandFailure(.problemsFound) }
    }

    private func findings(_ session: Session) async -> [Obstacle] {
        let configuration: PodshieldConfiguration
        do throws(ConfigurationError) {
            configuration = try PodshieldConfiguration(path: options.config)
        } catch {
            return error.problems.map { Obstacle(.configurationRefused, "\($0)") }
        }
        let preflight = Preflight(configuration, now: Int64(Date().timeIntervalSince1970))
        if pre { return preflight.ofMachine() + preflight.ofDaemonsPlaces() }
        guard let told = await told(session) else {
            return Self.away(configuration) + preflight.ofMachine() + preflight.ofDaemonsPlaces()
        }
        return told + preflight.ofMachine()
    }

    /// Nil when no daemon answers.
    private func told(_ session: Session) async -> [Obstacle]? {
        do {
            return try await session.withAdmin { admin in
                let status = try await admin.client.status(.init(), options: Admin.options(within: .seconds(10)))
                return status.findings.map(Obstacle.init)
            }
        } catch {
            let failure = CommandFailure(error)
            return failure.status == .notReachable ? nil : [Obstacle(.startFailed, failure.message)]
        }
    }

    private static func away(_ configuration: PodshieldConfiguration) -> [Obstacle] {
        let away = Obstacle(.stopping, "podshield-idd does not run")
        guard let failure = LastFailure(of: configuration.paths) else { return [away] }
        let when = Timestamp(unix: failure.time)?.description ?? "once"
        return [away]
            + failure.obstacles.map { finding in
                Obstacle(EventKind(code: finding.code) ?? .startFailed, "\(finding.message) (said at \(when))")
            }
    }
}

extension Obstacle {
    fileprivate init(_ finding: Podshield_Admin_V1_Finding) {
        self.init(EventKind(code: finding.code) ?? .startFailed, finding.message, isError: finding.isError)
    }
}

extension DoctorDocument {
    fileprivate func lines(_ console: Console) -> [String] {
        if findings.isEmpty { return [console.painted("nothing is wrong", .good)] }
        return findings.flatMap { finding in
            let paint: Paint = finding.severity == "error" ? .bad : .doubtful
            return [
                "\(console.painted(finding.severity, paint)) \(finding.code) \(finding.message.printable)",
                "  \(finding.remedy.printable)",
            ]
        }
    }
}
