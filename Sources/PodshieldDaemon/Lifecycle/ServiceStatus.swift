import Configuration
import Preflight
import SystemdBinding
import Telemetry

extension DaemonContext {
    /// The line that `systemctl status` shows. Without a service manager nobody is told, and that is no error.
    func report(status line: String) { try? ServiceManager.notify(.status(line)) }

    func reportReady() {
        try? ServiceManager.notify(.ready)
        state.change { $0.isReady = true }
        LastFailure.forget(configuration.paths)
        telemetry.record(.ready(role: configuration.role.name))
    }

    func reportStopping(_ reason: String) {
        state.change { $0.isReady = false }
        try? ServiceManager.notify(.stopping, .status("stops: \(reason)"))
        telemetry.record(.stopping(reason: reason))
    }
}
