internal import OpenSSLBinding

/// Some of a TPM's platform configuration registers, all of the SHA-256 bank.
public struct PlatformRegisters: Sendable, Equatable {
    /// Bit 0 for register 0, up to 23.
    public let mask: UInt32

    public static let all = 0...23

    /// Nil for none, and for one that no TPM has to have.
    public init?(_ numbers: some Sequence<Int>) {
        var mask: UInt32 = 0
        for number in numbers {
            guard Self.all.contains(number) else { return nil }
            mask |= 1 << UInt32(number)
        }
        guard mask != 0 else { return nil }
        self.mask = mask
    }

    /// Ascending.
    public var numbers: [Int] { Self.all.filter { mask & 1 << UInt32($0) != 0 } }

    /// A TPML_PCR_SELECTION of one bank (part 2, sections 10.9.7 and 10.6.2), of this bank only.
    init?(_ reader: inout TPMReader) throws(TPMFormatError) {
        guard try reader.number32() == 1 else { throw .other(.bank) }
        try reader.expect(TPMConstant.sha256, .bank)
        // Those of a PC have 3 bytes; the specification allows for 4.
        let count = Int(try reader.byte())
        guard (1...4).contains(count) else { throw .other(.bank) }
        let bytes = try reader.take(count)
        self.init(
            bytes.indices.flatMap { byte in (0..<8).filter { bytes[byte] & 1 << UInt8($0) != 0 }.map { 8 * byte + $0 } }
        )
    }

    /// What a quote of registers with these values says (part 1, section 17.6.2): their hash, in the order of their numbers.
    public static func digest(of values: [Int: [UInt8]]) -> [UInt8] {
        SHA256Digest.hash(values.sorted { $0.key < $1.key }.flatMap(\.value))
    }
}
