internal import Addressing

/// Which addresses a node may report as its pods'.
struct LeaseRule: Sendable {
    /// Empty for no bounds.
    let inside: [IPPrefix]
    /// Addresses of the nodes themselves: who had those would stand between nodes.
    let nodes: Set<IPAddress>

    /// Shortest prefixes that a node's pods can need, in bits.
    private static let shortestIPv4 = 12
    private static let shortestIPv6 = 44

    func allows(_ prefix: IPPrefix) -> Bool {
        guard prefix.length >= (prefix.address.isIPv4 ? Self.shortestIPv4 : Self.shortestIPv6) else { return false }
        guard !Self.neverPods.contains(where: { prefix.overlaps($0) }) else { return false }
        guard !holdsANode(prefix) else { return false }
        return inside.isEmpty || inside.contains { $0.contains(prefix.address) && $0.length <= prefix.length }
    }

    /// Most prefixes are of one address.
    private func holdsANode(_ prefix: IPPrefix) -> Bool {
        prefix == IPPrefix(single: prefix.address)
            ? nodes.contains(prefix.address) : nodes.contains(where: prefix.contains)
    }

    /// This network, loopback, link-local, multicast and what is above it (RFC 6890). Of IPv6 also all that begins with a
    /// zero byte: a prefix there could hold the IPv4-mapped block, as which the kernel maps know every IPv4 address.
    private static let neverPods = [
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/8", "fe80::/10", "ff00::/8",
    ].compactMap { IPPrefix($0) }
}

extension IPPrefix {
    /// Whether some address is in both.
    fileprivate func overlaps(_ other: IPPrefix) -> Bool { contains(other.address) || other.contains(address) }
}
