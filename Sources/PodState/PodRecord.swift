package import Addressing
package import AuthorityAPI
package import NetnsProtocol

/// A pod of this node: what was said of it, and what was found.
package struct PodRecord: Sendable, Equatable {
    /// The labels may become others, and the UID known.
    package var facts: PodFacts
    package let namespace: NamespacePath
    /// Inside the pod, as asked for; nil for its first veth.
    package let interface: String?
    package let device: HostDevice
    /// Of the pod's side: six bytes.
    package let mac: [UInt8]
    package let addresses: [IPAddress]
    /// Largest packet towards other nodes, in bytes.
    package let mtu: UInt16
    /// Seconds since 1970.
    package let addedAt: Int64

    package init(
        facts: PodFacts, namespace: NamespacePath, interface: String?, device: HostDevice,
        mac: [UInt8], addresses: [IPAddress], mtu: UInt16, addedAt: Int64
    ) {
        self.facts = facts
        self.namespace = namespace
        self.interface = interface
        self.device = device
        self.mac = mac
        self.addresses = addresses
        self.mtu = mtu
        self.addedAt = addedAt
    }
}

/// A pod's host-side veth, or an uplink. An index can be given again, and a name; the hardware address of a new device is
/// another by chance.
package struct HostDevice: Sendable, Hashable, Codable {
    package let index: UInt32
    package let name: String
    package let hardwareAddress: [UInt8]

    package init(index: UInt32, name: String, hardwareAddress: [UInt8]) {
        self.index = index
        self.name = name
        self.hardwareAddress = hardwareAddress
    }
}
