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

    /// The prefix of this length that holds `address`. Fails when the length does not fit the family.
    public init?(containing address: IPAddress, length: Int) {
        guard (0...(address.isIPv4 ? 32 : 128)).contains(length) else { return nil }
        let mapped = address.isIPv4 ? length + 96 : length
        self.address = IPAddress(bytes: address.bytes.indices.map { address.bytes[$0] & Self.mask($0, mapped) })!
        self.length = length
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
        let (whole, rest) = mappedLength.quotientAndRemainder(dividingBy: 8)
        guard address.bytes[..<whole] == other.bytes[..<whole] else { return false }
        return rest == 0 || (address.bytes[whole] ^ other.bytes[whole]) & Self.mask(whole, mappedLength) == 0
    }

    /// Whether an IPv6 prefix is so wide that a trie of mapped forms would find every IPv4 address in it as well.
    public var holdsMappedIPv4: Bool {
        let mapped = IPAddress.mappedPrefix + [0, 0, 0, 0]
        return !address.isIPv4 && mapped.indices.allSatisfy { mapped[$0] & Self.mask($0, length) == address.bytes[$0] }
    }

    public var lastAddress: IPAddress {
        let length = mappedLength
        return IPAddress(bytes: address.bytes.indices.map { address.bytes[$0] | ~Self.mask($0, length) })!
    }

    private var hostBitsAreZero: Bool {
        let length = mappedLength
        return address.bytes.indices.allSatisfy { address.bytes[$0] & ~Self.mask($0, length) == 0 }
    }

    /// The bits of byte `index` that a prefix of `length` bits decides.
    private static func mask(_ index: Int, _ length: Int) -> UInt8 {
        let bits = min(max(length - 8 * index, 0), 8)
        return UInt8(truncatingIfNeeded: 0xff00 >> bits)
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
