public import Addressing

/// One line of JSON to the namespace helper: look at a pod's interface and make it fit for sealing.
public struct PodNetworkRequest: Hashable, Sendable {
    public var namespace: NamespacePath
    /// Nil: the first veth.
    public var interface: String?
    /// Largest inner packet towards other nodes in bytes, 576 to 65535.
    public var mtu: UInt32
    /// Destinations to which `mtu` applies; empty: all that the interface reaches.
    public var prefixes: [IPPrefix]

    /// Longest line that is read, in bytes.
    public static let maximumLength = 65536
    static let mtuRange: ClosedRange<UInt32> = 576...65535

    public init(namespace: NamespacePath, interface: String? = nil, mtu: UInt32, prefixes: [IPPrefix] = []) {
        self.namespace = namespace
        self.interface = interface
        self.mtu = mtu
        self.prefixes = prefixes
    }
}

extension PodNetworkRequest: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case namespace = "netns"
        case interface, mtu, prefixes
    }

    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    public init(from decoder: any Decoder) throws {
        let known = Set(CodingKeys.allCases.map(\.rawValue))
        for key in try decoder.container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue) {
            throw PodNetworkError(.badRequest, "unknown member '\(key.stringValue)'")
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let path = try container.decode(String.self, forKey: .namespace)
        guard let namespace = NamespacePath(path) else {
            throw PodNetworkError(.pathNotAllowed, "'\(path)' is no place of network namespaces")
        }
        let mtu = try container.decode(UInt32.self, forKey: .mtu)
        guard Self.mtuRange.contains(mtu) else { throw PodNetworkError(.badRequest, "mtu \(mtu) is out of range") }
        let interface = try container.decodeIfPresent(String.self, forKey: .interface)
        if let interface, !Self.isInterfaceName(interface) {
            throw PodNetworkError(.badRequest, "'\(interface)' is no interface name")
        }
        let prefixes = try container.decodeIfPresent([String].self, forKey: .prefixes) ?? []
        self.init(
            namespace: namespace, interface: interface, mtu: mtu,
            prefixes: try prefixes.map { text in
                guard let prefix = IPPrefix(text) else {
                    throw PodNetworkError(.badRequest, "'\(text)' is no prefix")
                }
                return prefix
            })
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(namespace.text, forKey: .namespace)
        try container.encodeIfPresent(interface, forKey: .interface)
        try container.encode(mtu, forKey: .mtu)
        try container.encode(prefixes.map(\.description), forKey: .prefixes)
    }

    /// The kernel's rule (`dev_valid_name`), in printable ASCII.
    package static func isInterfaceName(_ text: String) -> Bool {
        (1...15).contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
    }
}
