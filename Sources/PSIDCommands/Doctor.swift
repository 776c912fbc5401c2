import AdminAPI
import Configuration
import FoundationEssentials
import Preflight
import Telemetry

/// Finds what is wrong with the daemon of this machine, running or not.
struct Doctor {
    let session: Session

    /// - Parameter pre: only what can be seen without the daemon.
    func findings(pre: Bool) async -> [Obstacle] {
        let configuration: PodshieldConfiguration
        do throws(ConfigurationError) {
            configuration = try PodshieldConfiguration(path: session.options.config)
        } catch {
            return error.problems.map { Obstacle(.configurationRefused, "\($0)") }
        }
        let preflight = Preflight(configuration, now: Int64(Date().timeIntervalSince1970))
        if pre { return preflight.ofMachine() + preflight.ofDaemonsPlaces() }
        guard let told = await told() else {
            return Self.away(configuration) + preflight.ofMachine() + preflight.ofDaemonsPlaces()
        }
        return told + preflight.ofMachine()
    }

    /// Nil when no daemon answers.
    private func told() async -> [Obstacle]? {
        do {
            return try await session.withAdmin { admin in
                let status = try await admin.client.status(.init(), options: Admin.options(within: .seconds(10)))
                return status.findings.map(Obstacle.init)
            }
        } catch {
            let failure = CommandFailure(error)
            // One that does not get ready leaves who asks waiting at systemd's socket.
            return [.notReachable, .timedOut].contains(failure.status) ? nil : [Obstacle(.startFailed, failure.message)]
        }
    }

    private static func away(_ configuration: PodshieldConfiguration) -> [Obstacle] {
        let away = Obstacle(.stopping, "podshield-idd does not answer")
        guard let failure = LastFailure(of: configuration.paths) else { return [away] }
        let when = Timestamp(unix: failure.time)?.description ?? "once"
        return [away]
            + failure.obstacles.map { finding in
                Obstacle(EventKind(code: finding.code) ?? .startFailed, "\(finding.message) (said at \(when))")
            }
    }
}

extension Obstacle {
    /// A code of a later version than ours stays in the message.
    fileprivate init(_ finding: Podshield_Admin_V1_Finding) {
        if let kind = EventKind(code: finding.code) {
            self.init(kind, finding.message, isError: finding.isError)
        } else {
            self.init(.startFailed, "\(finding.code): \(finding.message)", isError: finding.isError)
        }
    }
}
