internal import CTSS2
internal import OpenSSLBinding
internal import Synchronization
internal import TrustedPlatform

/// A TPM in which both keys are, until it is let go of.
final class OpenedTPM: AttestingTPM {
    let keys: TPMKeys
    let certificateFailure: TPMError?
    private let state: Mutex<State>

    private struct State {
        let connection: TPMConnection
        let endorsementKey: ESYS_TR
        let attestationKey: ESYS_TR
    }

    init(_ device: TPMDevice) throws(TPMError) {
        let connection = try TPMConnection(device.configuration)
        let endorsement = try connection.createEndorsementKey()
        let attestation = try connection.createAttestationKey()
        let certificate = Result { () throws(TPMError) in
            Self.certificate(in: try connection.endorsementCertificate())
        }
        keys = TPMKeys(
            endorsementKey: try Self.endorsementKey(endorsement.modulus),
            endorsementCertificate: (try? certificate.get()) ?? [], attestationKey: attestation.publicArea)
        certificateFailure = if case .failure(let error) = certificate { error } else { nil }
        state = Mutex(
            State(
                connection: connection, endorsementKey: endorsement.handle, attestationKey: attestation.handle))
    }

    private static func endorsementKey(_ modulus: [UInt8]) throws(TPMError) -> [UInt8] {
        do throws(OpenSSLError) {
            return try PublicKey(rsaModulus: modulus, exponent: [1, 0, 1]).subjectPublicKeyInfo
        } catch {
            throw TPMError(operation: "reading the endorsement key", reason: "\(error)")
        }
    }

    /// The one DER SEQUENCE at the front: vendors pad the index. What is none is left for the authority to refuse.
    private static func certificate(in index: [UInt8]) -> [UInt8] {
        guard index.count > 4, index[0] == 0x30, index[1] == 0x82 else { return index }
        return Array(index.prefix(4 + Int(index[2]) << 8 + Int(index[3])))
    }

    func activate(credential: [UInt8], secret: [UInt8]) throws(TPMError) -> SecretBytes {
        try state.withLock { (state) throws(TPMError) in
            var found = try state.connection.activate(
                state.attestationKey, by: state.endorsementKey, credential: credential, secret: secret)
            defer { for index in found.indices { found[index] = 0 } }
            return SecretBytes(found)
        }
    }

    func quote(_ registers: PlatformRegisters, nonce: [UInt8]) throws(TPMError) -> SignedQuote {
        try state.withLock { (state) throws(TPMError) in
            try state.connection.quote(by: state.attestationKey, registers, nonce: nonce)
        }
    }
}
