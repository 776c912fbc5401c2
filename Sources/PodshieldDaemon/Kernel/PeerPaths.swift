import Addressing
import LinuxBinding

/// How sealed packets reach other nodes, as the kernel's routes have it now.
struct PeerPaths: Sendable {
    /// Of this node: what the directory says of it, and so what peers expect.
    let own: IPAddress

    struct Path: Equatable {
        let local: IPAddress
        /// Largest outer packet, in bytes.
        let mtu: UInt16
    }

    func path(to peer: IPAddress) throws(PathError) -> Path {
        let (route, deviceMTU) = try resolve(peer)
        // A peer of the other family cannot be sent to from the own address; the kernel's choice is the next best.
        guard let local = own.isIPv4 == peer.isIPv4 ? own : route.source else { throw .noSource(peer) }
        return Path(local: local, mtu: UInt16(clamping: min(route.mtu ?? deviceMTU, deviceMTU)))
    }

    private func resolve(_ peer: IPAddress) throws(PathError) -> (ResolvedRoute, deviceMTU: UInt32) {
        do throws(SystemError) {
            let netlink = try RouteSocket()
            if let route = try netlink.route(to: peer), let link = try netlink.link(index: route.interface) {
                return (route, link.mtu)
            }
        } catch {
            throw .system(error)
        }
        throw .noRoute(peer)
    }
}

enum PathError: Error, Equatable {
    case noRoute(IPAddress)
    /// The node has no address of that family.
    case noSource(IPAddress)
    case system(SystemError)
}

extension PathError: CustomStringConvertible {
    var description: String {
        switch self {
        case .noRoute(let address): "there is no route to \(address)"
        case .noSource(let address): "there is no local address from which \(address) can be reached"
        case .system(let error): "\(error)"
        }
    }
}
