internal import Addressing
internal import Identity

/// Which addresses a peer may announce for a workload, as things stand.
struct AddressRules {
    let directory: DirectoryIndex
    let protected: [IPPrefix]
    let hosted: Set<IPAddress>
    let holdings: AddressHoldings

    init(_ world: LinkWorld, _ directory: DirectoryIndex) {
        self.directory = directory
        protected = world.protected
        hosted = world.hostedAddresses
        holdings = world.holdings
    }

    /// Why the holder may not have the address; nil when it may.
    func objection(to address: IPAddress, of holder: AddressHoldings.Holder) -> RefusalReason? {
        if isForbidden(address) { return .addressForbidden }
        switch directory.leases.holder(of: address) {
        case .node(holder.peer): break
        case .conflict: return .addressConflict
        case .node, .nobody: return .addressNotLeased
        }
        if hosted.contains(address) { return .addressHeldElsewhere }
        guard let current = holdings.holder(of: address), current != holder else { return nil }
        return current.peer == holder.peer ? .addressConflict : .addressHeldElsewhere
    }

    /// What no pod can have, leased or not.
    private func isForbidden(_ address: IPAddress) -> Bool {
        address.isMulticast || Self.special.contains { $0.contains(address) } || directory.isNodeAddress(address)
            || !(protected.isEmpty || protected.contains { $0.contains(address) })
    }

    /// This host, loopback, link-local and reserved addresses (RFC 6890).
    private static let special = [
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "240.0.0.0/4", "::/96", "fe80::/10",
    ].compactMap { IPPrefix($0) }
}
