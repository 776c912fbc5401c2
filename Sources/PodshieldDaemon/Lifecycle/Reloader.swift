import Addressing
import Configuration
import Datapath
import NodeLink
import Telemetry

/// Takes a changed configuration over where it can; what is bad leaves everything as it was.
actor Reloader {
    private let path: String
    private let context: DaemonContext
    private let node: NodeRole?
    private var current: PodshieldConfiguration

    init(path: String, context: DaemonContext, node: NodeRole?) {
        self.path = path
        self.context = context
        self.node = node
        current = context.configuration
    }

    func reload() async {
        do throws(ReloadError) {
            let newer = try load()
            // The daemon may have been told to end while the file was not to be read.
            guard !Task.isCancelled else { return }
            try await apply(newer)
            let changes = current.changes(to: newer)
            current = newer
            context.state.change { $0.reloadProblem = nil }
            context.telemetry.record(.reloaded(changes: changes.map(Self.text)))
        } catch {
            context.state.change { $0.reloadProblem = "\(error)" }
            context.telemetry.record(.reloadRefused(reason: "\(error)"))
        }
    }

    private static func text(_ key: ConfigurationKey) -> String {
        key.isReloadable ? key.rawValue : "\(key.rawValue) (with the next start)"
    }

    private func load() throws(ReloadError) -> PodshieldConfiguration {
        do throws(ConfigurationError) { return try PodshieldConfiguration(path: path) } catch {
            throw .configuration(error)
        }
    }

    /// Prefixes first, where something may be against it.
    private func apply(_ newer: PodshieldConfiguration) async throws(ReloadError) {
        if let node, let settings = newer.node { try await apply(newer, settings, to: node) }
        context.telemetry.setLevel(EventPriority(newer.logLevel))
    }

    private func apply(
        _ newer: PodshieldConfiguration, _ settings: PodshieldConfiguration.Node, to node: NodeRole
    ) async throws(ReloadError) {
        if let (pod, address) = await node.pods.unprotected(by: newer.protected) {
            throw .podUnprotected("\(pod)", "\(address)")
        }
        var datapath = node.settings
        datapath.permissive = settings.permissive
        datapath.datapath.eventsPerSecond = settings.datapath.eventsPerSecond
        do throws(DatapathError) { try await node.parts.datapath.apply(datapath, newer) } catch {
            throw .datapath(error)
        }
        await node.pods.setProtected(newer.protected)
        await node.parts.link.update(protected: newer.protected)
        report(newer, isPermissive: settings.permissive)
    }

    private func report(_ newer: PodshieldConfiguration, isPermissive: Bool) {
        if newer.protected != current.protected {
            context.telemetry.record(.protectedChanged(prefixes: newer.protected.map(\.description)))
        }
        if isPermissive, !context.state.current.isPermissive { context.telemetry.record(.permissive) }
        context.state.change { $0.isPermissive = isPermissive }
    }
}

/// Why a new configuration is not used.
private enum ReloadError: Error {
    case configuration(ConfigurationError)
    /// A pod that is here would no longer be sealed.
    case podUnprotected(String, String)
    case datapath(DatapathError)
}

extension ReloadError: CustomStringConvertible {
    var description: String {
        switch self {
        case .configuration(let error): error.problems.map(\.description).joined(separator: "; ")
        case .podUnprotected(let pod, let address):
            "address \(address) of pod \(pod) lies outside the new protected prefixes"
        case .datapath(let error): "\(error)"
        }
    }
}
