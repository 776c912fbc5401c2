public import Addressing
import Foundation

/// An address and the ports of a node, as a node tells the authority.
public struct NodeEndpoint: Sendable, Equatable {
    public var address: IPAddress
    /// TCP port of the node link.
    public var linkPort: UInt16
    /// UDP port of sealed packets.
    public var espPort: UInt16

    public init(address: IPAddress, linkPort: UInt16, espPort: UInt16) {
        self.address = address
        self.linkPort = linkPort
        self.espPort = espPort
    }
}

extension Podshield_Authority_V1_Endpoint {
    public init(_ endpoint: NodeEndpoint) {
        self.init()
        address = Data(endpoint.address.packed)
        linkPort = UInt32(endpoint.linkPort)
        espPort = UInt32(endpoint.espPort)
    }

    /// Nil unless the address is one that a packet can be sent to and both ports are real.
    public var parsed: NodeEndpoint? {
        guard let address = IPAddress(bytes: address), !address.isMulticast, !address.isUnspecified,
            let linkPort = UInt16(exactly: linkPort), linkPort > 0,
            let espPort = UInt16(exactly: espPort), espPort > 0
        else { return nil }
        return NodeEndpoint(address: address, linkPort: linkPort, espPort: espPort)
    }
}

extension Podshield_Authority_V1_Prefix {
    public init(_ prefix: IPPrefix) {
        self.init()
        address = Data(prefix.address.packed)
        length = UInt32(prefix.length)
    }

    public var parsed: IPPrefix? {
        guard let address = IPAddress(bytes: address), let length = Int(exactly: length) else { return nil }
        return IPPrefix(address, length: length)
    }
}

extension IPAddress {
    /// `0.0.0.0` and `::`.
    var isUnspecified: Bool { packed.allSatisfy { $0 == 0 } }
}
