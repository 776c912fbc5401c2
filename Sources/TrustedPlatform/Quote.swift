/// What a TPM said of its registers: a TPMS_ATTEST of TPM2_Quote (part 2, section 10.12.8).
public struct Quote: Sendable, Equatable {
    /// What it was asked to say as well.
    public let nonce: [UInt8]
    /// Nil for none.
    public let registers: PlatformRegisters?
    /// Of the values of `registers`: `PlatformRegisters.digest(of:)`.
    public let digest: [UInt8]

    private static let longestName = 66
    private static let longestNonce = 64

    /// Nothing in it is true before the signature is checked.
    public init(attestation: [UInt8]) throws(TPMFormatError) {
        var reader = TPMReader(attestation)
        guard try reader.number32() == TPMConstant.generated else { throw .other(.magic) }
        try reader.expect(TPMConstant.attestQuote, .type)
        // By which key, obfuscated clocks and the firmware's version.
        _ = try reader.buffer(atMost: Self.longestName)
        nonce = try reader.buffer(atMost: Self.longestNonce)
        _ = try reader.take(17 + 8)
        registers = try PlatformRegisters(&reader)
        digest = try reader.buffer(atMost: 32)
        try reader.finish()
    }
}
