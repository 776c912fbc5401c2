/// The key usage bits (RFC 5280 section 4.2.1.3). Bit 0 of the standard is the highest bit of the first byte.
package struct KeyUsage: OptionSet, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let digitalSignature = KeyUsage(rawValue: 0x8000)
    package static let keyEncipherment = KeyUsage(rawValue: 0x2000)
    package static let keyAgreement = KeyUsage(rawValue: 0x0800)
    package static let keyCertSign = KeyUsage(rawValue: 0x0400)
    package static let cRLSign = KeyUsage(rawValue: 0x0200)

    /// Decodes a named bit list: a BIT STRING of at most nine bits without trailing zero bits.
    package init(der: [UInt8]) throws(DERError) {
        let content = try DERReader.only(.bitString, in: der)
        guard (2...3).contains(content.count), content[0] < 8, let last = content.last else { throw .badValue }
        guard last.trailingZeroBitCount == Int(content[0]) else { throw .badValue }
        self.init(rawValue: UInt16(content[1]) << 8 | (content.count == 3 ? UInt16(content[2]) : 0))
    }

    /// None of the usages set here lies beyond the first byte.
    package var derEncoded: [UInt8] {
        let byte = UInt8(rawValue >> 8)
        return DER.element(.bitString, [UInt8(byte.trailingZeroBitCount), byte])
    }
}
