import Addressing
import LinuxBinding
import NetnsProtocol

/// What is done inside one pod's namespace.
struct PodPreparation {
    let request: PodNetworkRequest

    /// Enters the namespace with the calling thread, for good.
    func run() throws -> PodInterface {
        let host = try NetworkNamespace.current()
        try enter(unless: host)
        let netlink = try RouteSocket()
        let link = try interface(netlink)
        guard let peer = link.peerIndex, let place = link.peerNamespace, try netlink.number(of: host) == place else {
            throw PodNetworkError(.peerElsewhere, "the peer of \(link.name) is not in this host's namespace")
        }
        try setOffloads(link.name)
        try setRoutes(netlink, link)
        let addresses = try netlink.addresses(of: link.index).filter { $0.isGlobal && !$0.isDuplicate }
        return PodInterface(
            hostIfindex: peer, podIfindex: link.index, podName: link.name, podMAC: link.hardwareAddress,
            addresses: addresses.map(\.address), mtu: link.mtu)
    }

    private func enter(unless host: NetworkNamespace) throws {
        let namespace: NetworkNamespace
        do { namespace = try NetworkNamespace(path: request.namespace.text) } catch {
            throw PodNetworkError(.notANamespace, "\(error)")
        }
        guard try namespace.inode() != host.inode() else {
            throw PodNetworkError(.ownNamespace, "\(request.namespace.text) is the host's own")
        }
        try namespace.enter()
    }

    private func interface(_ netlink: RouteSocket) throws -> NetworkLink {
        let veths = try netlink.links().filter { $0.kind == "veth" }
        let found = request.interface.map { name in veths.first { $0.name == name } } ?? veths.first
        guard let found, found.hardwareAddress.count == 6 else {
            throw PodNetworkError(
                .noInterface, "the pod has no veth" + (request.interface.map { " named \($0)" } ?? ""))
        }
        return found
    }

    /// The sealing hook must see finished checksums and no packet above the MTU; GSO stays, so that the stack cuts
    /// super-packets before they leave the pod.
    private func setOffloads(_ interface: String) throws {
        try Offload.stopSegmentation(by: interface)
        try Offload.transmitChecksum.set(false, of: interface)
        try Offload.gso.set(true, of: interface)
    }

    private func setRoutes(_ netlink: RouteSocket, _ link: NetworkLink) throws {
        let routes = try netlink.routes().filter { $0.interface == link.index }
        for route in RoutePlan(mtu: min(request.mtu, link.mtu), prefixes: request.prefixes).changes(to: routes) {
            try netlink.replace(route)
        }
    }
}
