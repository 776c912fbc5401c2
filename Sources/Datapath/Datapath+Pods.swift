public import Addressing
import BPFBinding
import CPodshieldABI
public import Identity
import LinuxBinding

/// A pod of this node as the maps have it.
public struct DatapathPod: Hashable, Sendable {
    /// Of the host-side veth.
    public let ifindex: UInt32
    /// Of the pod's side.
    public let mac: [UInt8]
    public let addresses: [IPAddress]
    public let identity: NumericIdentity
    /// Largest inner packet towards other nodes.
    public let mtu: UInt16
}

extension Datapath {
    /// Takes a pod under control, or changes one that is: from now on it may send only from `addresses`, as `identity`.
    ///
    /// - Parameters:
    ///   - mac: six bytes.
    ///   - identity: `.unknown` for one that is not known yet: everything of the pod drops.
    public func addPod(
        ifindex: UInt32, mac: [UInt8], addresses: [IPAddress], identity: NumericIdentity, mtu: UInt16
    ) throws(DatapathError) {
        let name = try interfaceName(ifindex)
        for address in addresses { try checkFree(address, ifindex) }
        try writePod(ifindex, mac, identity, mtu)
        try attach(.toPod, ifindex)
        try attach(.fromPod, ifindex)
        for address in podAddresses[ifindex, default: []].subtracting(addresses) { try removeLocal(address) }
        for address in addresses { try writeLocal(address, ifindex, identity) }
        podAddresses[ifindex] = Set(addresses)
        // Merged packets would reach the sealing hook as one.
        try system { () throws(SystemError) in try Offload.gro.set(false, of: name) }
    }

    /// Changes who the pod is; the next packet counts.
    public func setPodIdentity(ifindex: UInt32, identity: NumericIdentity) throws(DatapathError) {
        guard var pod = try pod(ifindex) else { throw .unknownPod(ifindex) }
        pod.identity = identity.rawValue
        let changed = pod
        try kernel { () throws(BPFError) in try maps[.pods].update(ifindex, to: changed) }
        for address in podAddresses[ifindex, default: []] { try writeLocal(address, ifindex, identity) }
    }

    /// Takes the programs off and forgets the pod; its packets into protected prefixes drop from now on. Unknown pods are
    /// no error.
    public func removePod(ifindex: UInt32) throws(DatapathError) {
        for address in podAddresses[ifindex, default: []] { try removeLocal(address) }
        podAddresses[ifindex] = nil
        try kernel { () throws(BPFError) in _ = try maps[.pods].remove(ifindex) }
        try detach(.fromPod, ifindex)
        try detach(.toPod, ifindex)
    }

    public func pods() throws(DatapathError) -> [DatapathPod] {
        let indices = try kernel { () throws(BPFError) in try maps[.pods].keys(as: UInt32.self) }
        var pods: [DatapathPod] = []
        for ifindex in indices.sorted() {
            guard let pod = try pod(ifindex) else { continue }
            pods.append(
                DatapathPod(
                    ifindex: ifindex, mac: unsafe withUnsafeBytes(of: pod.mac) { unsafe Array($0) },
                    addresses: podAddresses[ifindex, default: []].sorted(),
                    identity: NumericIdentity(rawValue: pod.identity), mtu: pod.mtu))
        }
        return pods
    }

    /// After a restart: removes every pod that is not in `present` or whose device is gone. Returns those removed.
    public func reconcilePods(present: Set<UInt32>) throws(DatapathError) -> [DatapathPod] {
        let interfaces = Set(try system { () throws(SystemError) in try RouteSocket().links() }.map(\.index))
        let gone = try pods().filter { !present.contains($0.ifindex) || !interfaces.contains($0.ifindex) }
        for pod in gone { try removePod(ifindex: pod.ifindex) }
        return gone
    }

    func adoptPods() throws(DatapathError) {
        let addresses = try kernel { () throws(BPFError) in try maps[.local].keys(as: ps_addr.self) }
        for address in addresses {
            guard let entry = try local(address) else { continue }
            podAddresses[entry.ifindex, default: []].insert(IPAddress(address))
        }
    }

    private func interfaceName(_ ifindex: UInt32) throws(DatapathError) -> String {
        let link = try system { () throws(SystemError) in try RouteSocket().link(index: ifindex) }
        guard let link else { throw .noSuchInterface(ifindex) }
        return link.name
    }

    private func checkFree(_ address: IPAddress, _ ifindex: UInt32) throws(DatapathError) {
        guard let entry = try local(ps_addr(address)), entry.ifindex != ifindex else { return }
        throw .localAddressHeld(address, interface: entry.ifindex)
    }

    private func pod(_ ifindex: UInt32) throws(DatapathError) -> ps_pod? {
        try kernel { () throws(BPFError) in try maps[.pods].value(at: ifindex) }
    }

    private func writePod(
        _ ifindex: UInt32, _ mac: [UInt8], _ identity: NumericIdentity, _ mtu: UInt16
    ) throws(DatapathError) {
        precondition(mac.count == 6, "an Ethernet address has six bytes")
        var pod = ps_pod()
        pod.identity = identity.rawValue
        pod.mtu = mtu
        unsafe withUnsafeMutableBytes(of: &pod.mac) { unsafe $0.copyBytes(from: mac) }
        let entry = pod
        try kernel { () throws(BPFError) in try maps[.pods].update(ifindex, to: entry) }
    }

    private func local(_ address: ps_addr) throws(DatapathError) -> ps_local? {
        try kernel { () throws(BPFError) in try maps[.local].value(at: address) }
    }

    private func writeLocal(
        _ address: IPAddress, _ ifindex: UInt32, _ identity: NumericIdentity
    ) throws(DatapathError) {
        let entry = ps_local(identity: identity.rawValue, ifindex: ifindex, flags: 0, pad0: 0)
        try kernel { () throws(BPFError) in try maps[.local].update(ps_addr(address), to: entry) }
    }

    private func removeLocal(_ address: IPAddress) throws(DatapathError) {
        try kernel { () throws(BPFError) in _ = try maps[.local].remove(ps_addr(address)) }
    }
}
