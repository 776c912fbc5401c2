public import Addressing
import BPFBinding
import CPodshieldABI
public import Identity

/// Whose an address is.
public struct RemoteHolder: Hashable, Sendable {
    public let peer: NodeNumber
    public let identity: NumericIdentity

    public init(peer: NodeNumber, identity: NumericIdentity) {
        self.peer = peer
        self.identity = identity
    }
}

extension Datapath {
    /// Where packets to a node are sent, and from which of our addresses.
    ///
    /// - Parameter mtu: largest outer packet in bytes.
    public func setPeer(
        _ node: NodeNumber, address: IPAddress, local: IPAddress, espPort: UInt16, mtu: UInt16
    ) throws(DatapathError) {
        let entry = ps_peer(
            remote: ps_addr(address), local: ps_addr(local), port: espPort, mtu: mtu, flags: 0)
        try kernel { () throws(BPFError) in try maps[.peers].update(node.rawValue, to: entry) }
    }

    /// A peer that is not there is no error.
    public func removePeer(_ node: NodeNumber) throws(DatapathError) {
        try kernel { () throws(BPFError) in _ = try maps[.peers].remove(node.rawValue) }
    }

    /// Packets to `addresses` go to `peer` and belong to `identity`; inbound, that identity may use them as source.
    ///
    /// Fails with `addressHeld`, having changed nothing, when another (peer, identity) has one of them.
    public func bind(
        peer: NodeNumber, identity: NumericIdentity, addresses: [IPAddress]
    ) throws(DatapathError) {
        for address in addresses {
            guard let holder = try remote(address), holder.peer != peer.rawValue || holder.identity != identity.rawValue
            else { continue }
            throw .addressHeld(
                address, peer: NodeNumber(rawValue: holder.peer), identity: NumericIdentity(rawValue: holder.identity))
        }
        let entry = ps_remote(peer: peer.rawValue, identity: identity.rawValue, flags: 0, pad0: 0)
        for address in addresses {
            let key = Self.bindingKey(peer, identity, address)
            try kernel { () throws(BPFError) in
                try maps[.bindings].update(key, to: UInt32(0))
                try maps[.remote].update(ps_addr(address), to: entry)
            }
        }
    }

    /// Undoes `bind`. Addresses that another (peer, identity) holds stay as they are.
    public func unbind(
        peer: NodeNumber, identity: NumericIdentity, addresses: [IPAddress]
    ) throws(DatapathError) {
        for address in addresses {
            let key = Self.bindingKey(peer, identity, address)
            try kernel { () throws(BPFError) in _ = try maps[.bindings].remove(key) }
            guard try isHeld(address, peer, identity) else { continue }
            try kernel { () throws(BPFError) in _ = try maps[.remote].remove(ps_addr(address)) }
        }
    }

    /// Addresses of other nodes' pods by who holds them, those of an earlier run included.
    public func remoteAddresses() throws(DatapathError) -> [RemoteHolder: [IPAddress]] {
        let keys = try kernel { () throws(BPFError) in try maps[.remote].keys(as: ps_addr.self) }
        var addresses: [RemoteHolder: [IPAddress]] = [:]
        for address in keys.map(IPAddress.init).sorted() {
            guard let entry = try remote(address) else { continue }
            let holder = RemoteHolder(
                peer: NodeNumber(rawValue: entry.peer), identity: NumericIdentity(rawValue: entry.identity))
            addresses[holder, default: []].append(address)
        }
        return addresses
    }

    private func remote(_ address: IPAddress) throws(DatapathError) -> ps_remote? {
        try kernel { () throws(BPFError) in try maps[.remote].value(at: ps_addr(address)) }
    }

    private func isHeld(
        _ address: IPAddress, _ peer: NodeNumber, _ identity: NumericIdentity
    ) throws(DatapathError) -> Bool {
        guard let holder = try remote(address) else { return false }
        return holder.peer == peer.rawValue && holder.identity == identity.rawValue
    }

    private static func bindingKey(
        _ peer: NodeNumber, _ identity: NumericIdentity, _ address: IPAddress
    ) -> ps_binding_key {
        ps_binding_key(peer: peer.rawValue, identity: identity.rawValue, addr: ps_addr(address))
    }
}
