internal import Crypto
internal import Identity
internal import OpenSSLBinding

/// What both ends must agree on before a key is derived; the context of the ESP exporter.
struct EpochContext: Equatable {
    let client: LinkParty
    let server: LinkParty
    let epoch: EpochID
    /// SHA-384 of encapsulation key and ciphertext.
    let kemTranscript: [UInt8]
    let version: UInt8
    let suite: Suite
    let postQuantum: PostQuantumMode

    var encoded: [UInt8] {
        var fields = FieldWriter()
        fields.field(client.id.description)
        fields.field(server.id.description)
        fields.field(client.leafSHA256)
        fields.field(server.leafSHA256)
        fields.field(epoch.bytes)
        fields.field(kemTranscript)
        fields.field([version])
        fields.field(bigEndian(suite.rawValue))
        fields.field([postQuantum.rawValue])
        return fields.bytes
    }
}

/// All that distinguishes one SA's key from every other of the epoch.
struct AssociationInputs: Equatable {
    let sender: SPIFFEID
    let receiver: SPIFFEID
    let spi: SPI
    let identity: NumericIdentity
    let workload: SPIFFEID
    let senderNonce: [UInt8]
    let receiverNonce: [UInt8]

    var encoded: [UInt8] {
        var fields = FieldWriter()
        fields.field(Labels.association)
        fields.field(sender.description)
        fields.field(receiver.description)
        fields.field(bigEndian(spi.rawValue))
        fields.field(bigEndian(identity.rawValue))
        fields.field(workload.description)
        fields.field(senderNonce)
        fields.field(receiverNonce)
        return fields.bytes
    }
}

struct AssociationKey: Sendable {
    let key: SecretBytes
    let salt: SecretBytes

    static let keyLength = 32
    static let saltLength = 4
}

/// The keys of one epoch. HKDF and HMAC are with SHA-384 throughout (RFC 5869, RFC 2104).
struct KeySchedule: Sendable {
    let prk: SecretBytes

    static let exporterLength = 48

    /// `PRK = HKDF-Extract(salt: exporter(context), IKM: ML-KEM secret)`: whoever lacks one of the two has nothing.
    init(_ exporter: Exporter, context: EpochContext, kemSecret: SecretBytes) throws(OpenSSLError) {
        let salt = try exporter.export(Labels.exporterESP, context.encoded, Self.exporterLength)
        let ikm = unsafe kemSecret.withUnsafeBytes { unsafe SymmetricKey(data: $0) }
        let extracted = unsafe salt.withUnsafeBytes { unsafe HKDF<SHA384>.extract(inputKeyMaterial: ikm, salt: $0) }
        prk = unsafe extracted.withUnsafeBytes { unsafe SecretBytes(copying: $0) }
    }

    /// `key || salt = HKDF-Expand(PRK, inputs, 36)`.
    func associationKey(_ inputs: AssociationInputs) -> AssociationKey {
        let count = AssociationKey.keyLength + AssociationKey.saltLength
        let output = expand(inputs.encoded, count)
        return unsafe output.withUnsafeBytes { bytes in
            unsafe AssociationKey(
                key: SecretBytes(copying: .init(rebasing: bytes[..<AssociationKey.keyLength])),
                salt: SecretBytes(copying: .init(rebasing: bytes[AssociationKey.keyLength...])))
        }
    }

    /// What `role` sends to show that it holds the PRK and saw the same handshake. 48 bytes.
    func confirmation(by role: LinkRole, transcript: [UInt8]) -> [UInt8] {
        var info = FieldWriter()
        info.field(role == .client ? Labels.confirmClient : Labels.confirmServer)
        return Array(HMAC<SHA384>.authenticationCode(for: transcript, using: expand(info.bytes, 48)))
    }

    private func expand(_ info: [UInt8], _ count: Int) -> SymmetricKey {
        unsafe prk.withUnsafeBytes {
            unsafe HKDF<SHA384>.expand(pseudoRandomKey: $0, info: info, outputByteCount: count)
        }
    }
}

extension SecretBytes {
    /// A secret with the same bytes; the source keeps its own.
    convenience init(copying source: UnsafeRawBufferPointer) {
        unsafe self.init(count: source.count) { unsafe $0.copyMemory(from: source) }
    }
}
