public import OpenSSLBinding

/// A key that signs nothing but what its TPM says of itself: ECDSA with SHA-256 on P-256.
public struct AttestationKey: Sendable, Equatable {
    public let publicKey: PublicKey
    /// By which the TPM knows it: the hash of all that `init` has read (part 1, section 16).
    public let name: [UInt8]

    /// Reads a TPMT_PUBLIC, which is only what its sender says until a TPM has activated a credential for `name`.
    public init(publicArea: [UInt8]) throws(AttestationKeyError) {
        let point: (x: [UInt8], y: [UInt8])
        let attributes: UInt32
        do throws(TPMFormatError) { (attributes, point) = try Self.read(publicArea) } catch { throw .format(error) }
        guard attributes & Self.meant == Self.required else { throw .attributes(attributes) }
        do throws(OpenSSLError) {
            publicKey = try PublicKey(p256X: point.x, y: point.y)
        } catch {
            throw .noPoint
        }
        guard publicKey.isConsistent else { throw .noPoint }
        name = TPMConstant.sha256.bigEndianBytes + SHA256Digest.hash(publicArea)
    }

    /// Part 2, section 12.2.4.
    private static func read(
        _ publicArea: [UInt8]
    ) throws(TPMFormatError) -> (attributes: UInt32, point: (x: [UInt8], y: [UInt8])) {
        var reader = TPMReader(publicArea)
        try reader.expect(TPMConstant.ecc, .type)
        try reader.expect(TPMConstant.sha256, .nameAlgorithm)
        let attributes = try reader.number32()
        // With a policy, and without a private half, somebody could answer for a key that is in no TPM.
        try reader.expect(0, .policy)
        try reader.expect(TPMConstant.null, .symmetricAlgorithm)
        try reader.expect(TPMConstant.ecdsa, .scheme)
        try reader.expect(TPMConstant.sha256, .hash)
        try reader.expect(TPMConstant.p256, .curve)
        try reader.expect(TPMConstant.null, .keyDerivation)
        let point = (x: try reader.coordinate(), y: try reader.coordinate())
        try reader.finish()
        return (attributes, point)
    }

    // Part 2, section 8.3: made in this TPM and never leaves it; signs, and nothing from outside that looks as if the TPM had
    // said it; used by who has its authorization.
    private static let required =
        Attribute.fixedTPM | Attribute.fixedParent | Attribute.sensitiveDataOrigin
        | Attribute.userWithAuth | Attribute.restricted | Attribute.sign
    /// Those that have to be as they are above. Left to the key: whether it is cleared with the TPM's state, or subject to the
    /// lockout.
    private static let meant = ~(Attribute.stClear | Attribute.noDA)

    private enum Attribute {
        static let fixedTPM: UInt32 = 1 << 1
        static let stClear: UInt32 = 1 << 2
        static let fixedParent: UInt32 = 1 << 4
        static let sensitiveDataOrigin: UInt32 = 1 << 5
        static let userWithAuth: UInt32 = 1 << 6
        static let noDA: UInt32 = 1 << 10
        static let restricted: UInt32 = 1 << 16
        static let sign: UInt32 = 1 << 18
    }
}

extension TPMReader {
    /// A number below the order or the prime of P-256, as 32 bytes.
    fileprivate mutating func coordinate() throws(TPMFormatError) -> [UInt8] {
        let digits = try buffer(atMost: 32)
        guard !digits.isEmpty else { throw .other(.point) }
        return [UInt8](repeating: 0, count: 32 - digits.count) + digits
    }
}

extension AttestationKey {
    /// Whether `signature`, a TPMT_SIGNATURE (part 2, section 11.3.4), is this key's over `message`.
    public func verify(_ signature: [UInt8], of message: [UInt8]) throws(TPMFormatError) -> Bool {
        var reader = TPMReader(signature)
        try reader.expect(TPMConstant.ecdsa, .scheme)
        try reader.expect(TPMConstant.sha256, .hash)
        let pair = try reader.coordinate() + reader.coordinate()
        try reader.finish()
        guard let der = try? ECDSASignature.der(concatenated: pair) else { return false }
        return publicKey.verify(der, of: message, by: .ecdsa(.sha256))
    }
}

/// Why a key is none that a node may join by.
public enum AttestationKeyError: Error, Sendable, Equatable {
    case format(TPMFormatError)
    /// Not a restricted signing key that was made in its TPM and stays there.
    case attributes(UInt32)
    /// The coordinates are not on the curve.
    case noPoint
}

extension AttestationKeyError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .format(let error): "\(error)"
        case .attributes(let bits):
            "it is not a restricted key that signs, was made in its TPM and stays there: its attributes are 0x"
                + String(bits, radix: 16)
        case .noPoint: "it is not on its curve"
        }
    }
}

extension FixedWidthInteger {
    /// The TPM's order.
    var bigEndianBytes: [UInt8] {
        (0..<Self.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: self >> (8 * $0)) }
    }
}
