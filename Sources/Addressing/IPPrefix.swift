/// A network prefix. `length` counts bits of the address's own family: 0...32 for IPv4, 0...128 for IPv6.
public struct IPPrefix: Hashable, Sendable {
    public let address: IPAddress
    public let length: Int

    /// Fails when the length does not fit the family or host bits are set.
    public init?(_ address: IPAddress, length: Int) {
        guard (0...(address.isIPv4 ? 32 : 128)).contains(length) else { return nil }
        self.address = address
        self.length = length
        guard hostBitsAreZero else { return nil }
    }

    /// The prefix that holds exactly one address.
    public init(single address: IPAddress) {
        self.address = address
        self.length = address.isIPv4 ? 32 : 128
    }

    /// Bits of the IPv4-mapped 128-bit form: what a kernel LPM trie is keyed with.
    public var mappedLength: Int { address.isIPv4 ? length + 96 : length }

    public func contains(_ other: IPAddress) -> Bool {
        guard other.isIPv4 == address.isIPv4 else { return false }
        return (0..<mappedLength).allSatisfy { Self.bit($0, of: address) == Self.bit($0, of: other) }
    }

    private var hostBitsAreZero: Bool { (mappedLength..<128).allSatisfy { !Self.bit($0, of: address) } }

    private static func bit(_ index: Int, of address: IPAddress) -> Bool {
        address.bytes[index / 8] & (0x80 >> UInt8(index % 8)) != 0
    }
}

extension IPPrefix: LosslessStringConvertible {
    /// Parses `address/length`; a bare address is the prefix of that one address.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else { return nil }
        guard parts.count == 2 else {
            self.init(single: address)
            return
        }
        guard parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let length = Int(parts[1]) else { return nil }
        self.init(address, length: length)
    }

    public var description: String { "\(address)/\(length)" }
}
