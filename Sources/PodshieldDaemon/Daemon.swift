import Configuration
import Datapath
import Preflight
import Telemetry

/// What the program `podshield-idd` does.
public enum Daemon {
    /// Runs the daemon until SIGTERM or SIGINT. What is in the kernel stays in force when this returns.
    ///
    /// - Parameter path: of the configuration; read again with SIGHUP.
    public static func run(path: String) async throws(StartError) {
        let signals = try Signals.stream()
        let configuration = try load(path)
        let instance = try Instance(configuration.paths)
        defer { withExtendedLifetime(instance) {} }
        do throws(StartError) {
            let sockets = try APISockets.take(configuration)
            let context = DaemonContext(configuration, telemetry: telemetry(configuration), sockets: sockets)
            context.begin()
            try await Supervision(context: context, path: path, signals: signals).run()
        } catch {
            LastFailure(error.events, time: WallClock.seconds()).save(configuration.paths)
            throw error
        }
    }

    /// Takes everything of an instance that does not run out of the kernel. One that was never there is no error.
    public static func uninstallDatapath(path: String) throws(StartError) {
        let configuration = try load(path)
        let instance = try Instance(configuration.paths)
        defer { withExtendedLifetime(instance) {} }
        do throws(DatapathError) {
            try Datapath.uninstall(bpffs: configuration.paths.bpffs, instance: configuration.instance)
        } catch {
            throw .datapath(error)
        }
    }

    /// Shuts the machine's devices before any pod can be there; ends at once. To be run before container runtimes start.
    /// Does nothing on a machine without pods. Beside a daemon that runs it waits until that has done the same.
    public static func bootDatapath(path: String) async throws(StartError) {
        let configuration = try load(path)
        guard let node = configuration.node else { return }
        do throws(StartError) {
            let instance = try Instance(configuration.paths)
            defer { withExtendedLifetime(instance) {} }
            _ = try await Barrier.raise(node, DaemonContext(configuration, telemetry: telemetry(configuration)))
        } catch  where error.isInstanceHeld {
            try await Barrier.waitForOther(node, configuration)
        }
    }

    private static func telemetry(_ configuration: PodshieldConfiguration) -> Telemetry {
        Telemetry(
            .automatic(instance: configuration.instance), level: EventPriority(configuration.logLevel),
            now: WallClock.nanoseconds)
    }

    static func load(_ path: String) throws(StartError) -> PodshieldConfiguration {
        do throws(ConfigurationError) { return try PodshieldConfiguration(path: path) } catch {
            throw .configuration(error)
        }
    }
}
