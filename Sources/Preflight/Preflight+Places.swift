import Addressing
import Configuration
import Glibc
import LinuxBinding
import Telemetry

extension Preflight {
    func ofInstance() -> [Obstacle] {
        configuration.paths.locks.compactMap { path in
            do throws(SystemError) { try InstanceLock.checkFree(path: path) } catch {
                let isHeld = error.code == EWOULDBLOCK
                return Obstacle(
                    .init(error), (isHeld ? "another daemon of this instance is running: " : "") + "\(error)")
            }
            return nil
        }
    }

    func ofPorts() -> [Obstacle] {
        var places: [(IPAddress, MachineState.Transport, UInt16)] = []
        if let authority = configuration.authority {
            places.append((authority.listenAddress, .tcp, authority.port))
            if let below = authority.downstream { places.append((below.address, .tcp, below.port)) }
            if let bundle = authority.bundleEndpoint { places.append((bundle.address, .tcp, bundle.port)) }
        }
        if let node = configuration.node {
            places += [(node.address, .tcp, node.linkPort), (node.address, .udp, node.espPort)]
            if let brokers = node.broker?.listen, let address = IPAddress(brokers.host) {
                places.append((address, .tcp, brokers.port))
            }
        }
        return places.compactMap { address, transport, port in
            do throws(SystemError) { try MachineState.checkFree(address, transport, port: port) } catch {
                return Obstacle(.init(error, otherwise: .addressRefused), "\(error)")
            }
            return nil
        }
    }

    /// Those that are named and not there, which is no error: they are hooked when they come.
    func ofUplinks() -> [Obstacle] {
        guard case .devices(let names) = configuration.node?.uplinks, let links = try? RouteSocket().links() else {
            return []
        }
        return Set(names).subtracting(links.map(\.name)).sorted().map {
            Obstacle(.uplinkMissing, Event.uplinkMissing(interface: $0).message, isError: false)
        }
    }

    func ofHelper() -> [Obstacle] {
        guard let helper = configuration.node?.netnsHelper else { return [] }
        let path: String
        switch helper {
        case .executable(let program) where unsafe access(program, X_OK) != 0: path = program
        case .socket(let socket) where unsafe access(socket, F_OK) != 0: path = socket
        default: return []
        }
        let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "errno \(errno)"
        return [Obstacle(.helperMissing, "the namespace helper \(path): \(reason)", isError: false)]
    }
}
