import Addressing
import AuthorityAPI
import NetnsProtocol
import NodeIdentity

/// A pod of this node: what was said of it, and what was found.
struct PodRecord: Sendable, Equatable {
    let facts: PodFacts
    let namespace: NamespacePath
    /// Inside the pod, as asked for; nil for its first veth.
    let interface: String?
    let device: HostDevice
    /// Of the pod's side: six bytes.
    let mac: [UInt8]
    let addresses: [IPAddress]
    /// Largest packet towards other nodes, in bytes.
    let mtu: UInt16
    /// Seconds since 1970.
    let addedAt: Int64

    var name: PodName { facts.podName }

    /// Whether both speak of one pod in the same words.
    func isSame(as request: PodRequest) -> Bool {
        facts == request.facts && namespace == request.namespace && interface == request.interface
    }
}

/// A pod's host-side veth, or an uplink. An index can be given again, and a name; the hardware address of a new device is
/// another by chance.
struct HostDevice: Sendable, Hashable, Codable {
    let index: UInt32
    let name: String
    let hardwareAddress: [UInt8]
}

/// A pod that is to be taken on.
struct PodRequest: Sendable, Equatable {
    let facts: PodFacts
    let namespace: NamespacePath
    let interface: String?
}
