import Configuration
import LinuxBinding
import SystemdBinding

/// Where psid and workloads connect.
struct APISockets: Sendable {
    private(set) var admin: ListeningSocket
    private(set) var workloads: ListeningSocket

    /// All are the daemon's own.
    init(_ paths: PodshieldConfiguration.Paths) {
        admin = .own(path: paths.adminSocket)
        workloads = .own(path: paths.workloadSocket)
    }

    /// Takes over what systemd has passed, if anything. To be asked once.
    static func take(_ configuration: PodshieldConfiguration) throws(StartError) -> APISockets {
        let passed: [ServiceManager.PassedDescriptor]
        do throws(SystemdError) { passed = try ServiceManager.takePassedDescriptors() } catch {
            throw .cannotBind("the sockets that systemd passed", reason: "\(error)")
        }
        let paths = configuration.paths
        var places: [String: WritableKeyPath<APISockets, ListeningSocket>] = [paths.adminSocket: \.admin]
        if configuration.node != nil { places[paths.workloadSocket] = \.workloads }
        var sockets = APISockets(paths)
        for socket in passed {
            guard let place = places.first(where: { socket.listens(at: $0.key) }) else {
                throw .otherSocketPassed(socket.name, served: places.keys.sorted())
            }
            sockets[keyPath: place.value] = .passed(descriptor: socket.descriptor)
        }
        return sockets
    }
}
