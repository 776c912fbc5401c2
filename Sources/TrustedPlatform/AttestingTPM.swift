public import OpenSSLBinding

/// Where a node's TPM is.
public protocol TPMSource: Sendable {
    /// Makes both keys, which may take seconds; blocks.
    func open() throws(TPMError) -> any AttestingTPM
}

/// A TPM with an endorsement key and a key that attests, both made from templates: nothing of them is kept outside of it. Calls
/// may take seconds, and block.
public protocol AttestingTPM: Sendable {
    var keys: TPMKeys { get }
    /// Why there is no endorsement certificate, where the TPM has one that cannot be read: no matter to who joins by the key alone.
    var certificateFailure: TPMError? { get }
    /// The secret in `credential` (TPM2B_ID_OBJECT) and `secret` (TPM2B_ENCRYPTED_SECRET).
    func activate(credential: [UInt8], secret: [UInt8]) throws(TPMError) -> SecretBytes
    func quote(_ registers: PlatformRegisters, nonce: [UInt8]) throws(TPMError) -> SignedQuote
}

/// What a TPM shows of its keys.
public struct TPMKeys: Sendable, Equatable {
    /// SubjectPublicKeyInfo, RSA with 2048 bits.
    public var endorsementKey: [UInt8]
    /// X.509; empty where the TPM has none.
    public var endorsementCertificate: [UInt8]
    /// TPMT_PUBLIC.
    public var attestationKey: [UInt8]

    public init(endorsementKey: [UInt8], endorsementCertificate: [UInt8], attestationKey: [UInt8]) {
        self.endorsementKey = endorsementKey
        self.endorsementCertificate = endorsementCertificate
        self.attestationKey = attestationKey
    }
}

/// A TPMS_ATTEST, and the TPMT_SIGNATURE over it.
public struct SignedQuote: Sendable, Equatable {
    public var attestation: [UInt8]
    public var signature: [UInt8]

    public init(attestation: [UInt8], signature: [UInt8]) {
        self.attestation = attestation
        self.signature = signature
    }
}

/// What a TPM did not do, and what it or the way to it said.
public struct TPMError: Error, Sendable, Equatable {
    public let operation: String
    public let reason: String

    public init(operation: String, reason: String) {
        self.operation = operation
        self.reason = reason
    }
}

extension TPMError: CustomStringConvertible {
    public var description: String { "the TPM: \(operation) failed: \(reason)" }
}
