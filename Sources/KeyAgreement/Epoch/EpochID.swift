internal import PrintableText

/// The name of an epoch: 32 bytes exported from its TLS connection. No counter is kept anywhere.
public struct EpochID: Sendable, Hashable {
    public let bytes: [UInt8]

    static let length = 32

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The first 8 hexadecimal digits, for people.
    public var short: String { bytes.prefix(4).hexadecimal }
}
