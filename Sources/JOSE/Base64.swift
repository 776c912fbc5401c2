/// The two encodings of RFC 4648 that JOSE uses. Each byte string has one text in each, and only that is read.
public enum Base64: Sendable {
    /// base64url without padding (RFC 7515 section 2).
    case url
    /// With padding, as certificates stand in JWKs (RFC 7517 section 4.7).
    case standard

    public func encode(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var buffer: UInt32 = 0
        var bits = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(digit(of: buffer >> bits & 63))
            }
        }
        if bits > 0 { text.append(digit(of: buffer << (6 - bits) & 63)) }
        while isPadded, text.count % 4 != 0 { text.append(Self.pad) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for what `encode` would have written otherwise: another alphabet, white space, missing or needless padding,
    /// bits that are set and belong to no byte.
    public func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard !isPadded || text.count % 4 == 0 else { return nil }
        let digits = isPadded ? text.dropLast(text.suffix(2).count { $0 == Self.pad }) : text.dropLast(0)
        guard digits.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count * 3 / 4)
        var buffer: UInt32 = 0
        var bits = 0
        for digit in digits {
            guard let value = value(of: digit) else { return nil }
            buffer = buffer << 6 | value
            bits += 6
            guard bits >= 8 else { continue }
            bits -= 8
            bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
        }
        return buffer & (1 << bits - 1) == 0 ? bytes : nil
    }

    private var isPadded: Bool { self == .standard }
    private static let pad = UInt8(ascii: "=")

    private func digit(of value: UInt32) -> UInt8 {
        let value = UInt8(value)
        return switch value {
        case 0..<26: UInt8(ascii: "A") + value
        case 26..<52: UInt8(ascii: "a") + value - 26
        case 52..<62: UInt8(ascii: "0") + value - 52
        case 62: UInt8(ascii: self == .url ? "-" : "+")
        default: UInt8(ascii: self == .url ? "_" : "/")
        }
    }

    private func value(of digit: UInt8) -> UInt32? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0")) + 52
        case UInt8(ascii: self == .url ? "-" : "+"): 62
        case UInt8(ascii: self == .url ? "_" : "/"): 63
        default: nil
        }
    }
}
