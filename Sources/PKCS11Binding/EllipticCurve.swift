/// A curve that an authority may be on, by the DER of its name (RFC 5480 section 2.1.1.1).
enum EllipticCurve: CaseIterable {
    case p256
    case p384

    /// CKA_EC_PARAMS.
    var parameters: [UInt8] {
        switch self {
        case .p256: [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]
        case .p384: [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22]
        }
    }

    /// SubjectPublicKeyInfo of an uncompressed point (RFC 5480 section 2); nil for bytes that are none.
    func subjectPublicKeyInfo(point: [UInt8]) -> [UInt8]? {
        guard point.count == 1 + 2 * coordinateBytes, point.first == 4 else { return nil }
        let algorithm = Self.sequence([0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] + parameters)
        return Self.sequence(algorithm + [0x03, UInt8(point.count + 1), 0] + point)
    }

    private var coordinateBytes: Int {
        switch self {
        case .p256: 32
        case .p384: 48
        }
    }

    /// Both curves' keys have fewer than 128 bytes.
    private static func sequence(_ content: [UInt8]) -> [UInt8] { [0x30, UInt8(content.count)] + content }
}
