internal import Addressing
internal import Identity

/// Which peer's workload each bound address belongs to: one at a time, over all peers. An address is held from the decision to
/// bind it until it is unbound.
struct AddressHoldings: Sendable {
    struct Holder: Sendable, Hashable {
        let peer: NodeNumber
        let identity: NumericIdentity
    }

    private var holders: [IPAddress: Holder] = [:]
    /// What another has a right to as soon as it is free.
    private var contested: Set<IPAddress> = []

    func holder(of address: IPAddress) -> Holder? { holders[address] }

    /// The caller has found that no other holder has one of them.
    mutating func claim(_ addresses: some Sequence<IPAddress>, for holder: Holder) {
        for address in addresses { holders[address] = holder }
    }

    /// Somebody waits for it; nothing is noted of an address that is free.
    mutating func contest(_ address: IPAddress) {
        if holders[address] != nil { contested.insert(address) }
    }

    /// What others hold stays theirs. Returns whether somebody waits for one of them.
    mutating func release(_ addresses: some Sequence<IPAddress>, of holder: Holder) -> Bool {
        var isAwaited = false
        for address in addresses where holders[address] == holder {
            holders[address] = nil
            isAwaited = contested.remove(address) != nil || isAwaited
        }
        return isAwaited
    }
}
