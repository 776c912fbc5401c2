import Addressing
import LinuxBinding

/// Which routes get the reduced MTU. TCP announces a segment size that fits the route's MTU, so that is not set apart.
struct RoutePlan {
    let mtu: UInt32
    /// Empty: every destination.
    let prefixes: [IPPrefix]

    /// Routes to write: those within the prefixes, and for a prefix that only a wider route reaches, that route narrowed
    /// to the prefix.
    func changes(to routes: [NetworkRoute]) -> [NetworkRoute] {
        let reachable = routes.filter { !Self.isLinkLocal($0.destination) }
        guard !prefixes.isEmpty else { return reachable.map(reduced) }
        let inside = reachable.filter { route in prefixes.contains { $0.covers(route.destination) } }
        let narrowed = prefixes.compactMap { prefix in narrow(reachable, to: prefix) }
        return inside.map(reduced) + narrowed
    }

    private func reduced(_ route: NetworkRoute) -> NetworkRoute {
        var route = route
        route.mtu = mtu
        return route
    }

    private func narrow(_ routes: [NetworkRoute], to prefix: IPPrefix) -> NetworkRoute? {
        guard !routes.contains(where: { $0.destination == prefix }) else { return nil }
        let covering = routes.filter { $0.destination.covers(prefix) }
        guard var route = covering.max(by: { $0.destination.length < $1.destination.length }) else { return nil }
        route.destination = prefix
        return reduced(route)
    }

    private static func isLinkLocal(_ prefix: IPPrefix) -> Bool {
        let bytes = prefix.address.packed
        return bytes.count == 16 && prefix.length >= 10 && bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80
    }
}

extension IPPrefix {
    fileprivate func covers(_ other: IPPrefix) -> Bool { length <= other.length && contains(other.address) }
}
