public import Addressing
import PrintableText

/// The pod's side of a veth and its peer on the host.
public struct PodInterface: Hashable, Sendable {
    /// Of the host-side veth, in the helper's own namespace.
    public let hostIfindex: UInt32
    public let podIfindex: UInt32
    public let podName: String
    /// Six bytes.
    public let podMAC: [UInt8]
    /// Global addresses, both families.
    public let addresses: [IPAddress]
    /// The interface's own MTU in bytes.
    public let mtu: UInt32

    public init(
        hostIfindex: UInt32, podIfindex: UInt32, podName: String, podMAC: [UInt8], addresses: [IPAddress], mtu: UInt32
    ) {
        self.hostIfindex = hostIfindex
        self.podIfindex = podIfindex
        self.podName = podName
        self.podMAC = podMAC
        self.addresses = addresses
        self.mtu = mtu
    }
}

/// Why the helper did not do it.
public struct PodNetworkError: Error, Hashable, Sendable, Codable {
    public enum Code: String, Sendable, Codable {
        case badRequest = "bad-request"
        case pathNotAllowed = "path-not-allowed"
        /// There is nothing at the path, or something else.
        case notANamespace = "not-a-namespace"
        /// The path names the host's own namespace.
        case ownNamespace = "own-namespace"
        case noInterface = "no-interface"
        /// The other end of the veth is not in the helper's namespace.
        case peerElsewhere = "peer-elsewhere"
        /// A system call failed.
        case system
        /// The helper did not answer, or not in this protocol.
        case noAnswer = "no-answer"
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

extension PodNetworkError: CustomStringConvertible {
    public var description: String { "\(code.rawValue): \(message)" }
}

/// One line of JSON from the helper.
public enum PodNetworkReply: Hashable, Sendable {
    case done(PodInterface)
    case failed(PodNetworkError)
}

extension PodNetworkReply: Codable {
    private enum CodingKeys: String, CodingKey {
        case hostIfindex, podIfindex, podName, podMac, addresses, mtu, error
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let error = try container.decodeIfPresent(PodNetworkError.self, forKey: .error) {
            self = .failed(error)
            return
        }
        self = .done(
            PodInterface(
                hostIfindex: try container.decode(UInt32.self, forKey: .hostIfindex),
                podIfindex: try container.decode(UInt32.self, forKey: .podIfindex),
                podName: try container.decode(String.self, forKey: .podName),
                podMAC: try Self.mac(container.decode(String.self, forKey: .podMac)),
                addresses: try container.decode([String].self, forKey: .addresses).map(Self.address),
                mtu: try container.decode(UInt32.self, forKey: .mtu)))
    }

    private static func mac(_ text: String) throws(PodNetworkError) -> [UInt8] {
        let bytes = text.split(separator: ":", omittingEmptySubsequences: false).map { UInt8($0, radix: 16) }
        guard bytes.count == 6, !bytes.contains(nil) else {
            throw PodNetworkError(.noAnswer, "the helper's MAC address is none")
        }
        return bytes.compactMap(\.self)
    }

    private static func address(_ text: String) throws(PodNetworkError) -> IPAddress {
        guard let address = IPAddress(text) else {
            throw PodNetworkError(.noAnswer, "an address of the helper is none")
        }
        return address
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .failed(let error): try container.encode(error, forKey: .error)
        case .done(let pod):
            try container.encode(pod.hostIfindex, forKey: .hostIfindex)
            try container.encode(pod.podIfindex, forKey: .podIfindex)
            try container.encode(pod.podName, forKey: .podName)
            try container.encode(pod.podMAC.hexadecimal(separator: ":"), forKey: .podMac)
            try container.encode(pod.addresses.map(\.description), forKey: .addresses)
            try container.encode(pod.mtu, forKey: .mtu)
        }
    }
}
