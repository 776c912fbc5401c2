import AdminAPI
import Configuration
import Glibc
import Identity
import LinuxBinding
import Telemetry

/// What every part of the daemon may need to know of it.
struct DaemonContext: Sendable {
    let configuration: PodshieldConfiguration
    let telemetry: Telemetry
    let reports: ForeignReports
    let components: Components
    let state: DaemonState
    let sockets: APISockets

    /// - Parameter sockets: nil for the daemon's own.
    init(_ configuration: PodshieldConfiguration, telemetry: Telemetry, sockets: APISockets? = nil) {
        self.configuration = configuration
        self.telemetry = telemetry
        reports = ForeignReports(telemetry)
        self.sockets = sockets ?? APISockets(configuration.paths)
        components = Components()
        state = DaemonState(startedAt: WallClock.seconds())
    }

    /// What comes before anything that may hold a key.
    func begin() {
        telemetry.record(
            .started(
                version: PodshieldVersion.text, role: configuration.role.name,
                trustDomain: configuration.trustDomain.name, process: getpid()))
        do throws(SystemError) {
            try LockedMemory.forbidDumps()
            try LockedMemory.lockProcess()
        } catch {
            state.change { $0.memoryProblem = "\(error)" }
            telemetry.record(.keyMemoryNotLocked(reason: "\(error)"))
        }
        if configuration.node?.permissive == true {
            state.change { $0.isPermissive = true }
            telemetry.record(.permissive)
        }
    }
}

extension EventPriority {
    init(_ level: LogLevel) {
        switch level {
        case .error: self = .error
        case .warning: self = .warning
        case .notice: self = .notice
        case .info: self = .info
        case .debug: self = .debug
        }
    }
}
