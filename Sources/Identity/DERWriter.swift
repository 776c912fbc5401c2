/// Elements of DER (X.690 section 10), as bytes.
package enum DER {
    package static func element(_ tag: DERTag, _ content: [UInt8]) -> [UInt8] {
        [tag.rawValue] + length(content.count) + content
    }

    package static func sequence(_ elements: [UInt8]...) -> [UInt8] { element(.sequence, elements.flatMap { $0 }) }
    package static func sequence(of elements: [[UInt8]]) -> [UInt8] { element(.sequence, elements.flatMap { $0 }) }
    package static func utf8(_ text: String) -> [UInt8] { element(.utf8String, Array(text.utf8)) }
    package static let `true` = element(.boolean, [0xff])

    package static func integer(_ value: UInt32) -> [UInt8] { integer(magnitude: bigEndian(value)) }

    /// A non-negative number of any size, most significant byte first.
    package static func integer(magnitude bytes: some Collection<UInt8>) -> [UInt8] {
        let magnitude = bytes.drop { $0 == 0 }
        // A leading zero keeps the sign positive, and is the whole of 0.
        let needsZero = magnitude.first.map { $0 & 0x80 != 0 } ?? true
        return element(.integer, (needsZero ? [0] : []) + magnitude)
    }

    private static func length(_ count: Int) -> [UInt8] {
        guard count >= 0x80 else { return [UInt8(count)] }
        let bytes = bigEndian(UInt32(count)).drop { $0 == 0 }
        return [0x80 | UInt8(bytes.count)] + bytes
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
