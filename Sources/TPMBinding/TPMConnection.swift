internal import CTSS2
internal import Dispatch
internal import Foundation
internal import TrustedPlatform

/// The owner of an ESYS_CONTEXT and of what was made in its TPM through it. Not for two threads at a time.
@safe final class TPMConnection {
    private let pointer: OpaquePointer
    private var handles: [ESYS_TR] = []

    /// Connections that are being closed. A TPM without a resource manager has room for three keys, and one connection makes two.
    private static let closing = DispatchGroup()
    private static let patience = DispatchTimeInterval.seconds(10)

    init(_ configuration: String) throws(TPMError) {
        // One that hangs is found by what comes next.
        _ = Self.closing.wait(timeout: .now() + Self.patience)
        let operation = "opening \(configuration)"
        var context: OpaquePointer?
        try Self.check(operation, unsafe ps_tpm_open(configuration, &context))
        guard let context = unsafe context else { throw TPMError(operation: operation, reason: "no connection") }
        unsafe pointer = context
    }

    deinit {
        // It blocks, and whoever lets go last may be on a thread that others share.
        let end = unsafe End(pointer: pointer, handles: handles)
        Self.closing.enter()
        Thread.detachNewThread {
            end.run()
            Self.closing.leave()
        }
    }

    /// Sendable because nobody else has the context any more.
    @safe private struct End: @unchecked Sendable {
        let pointer: OpaquePointer
        let handles: [ESYS_TR]

        func run() {
            for handle in handles { _ = unsafe Esys_FlushContext(pointer, handle) }
            var context: OpaquePointer? = unsafe pointer
            unsafe ps_tpm_close(&context)
        }
    }

    // MARK: Keys

    func createEndorsementKey() throws(TPMError) -> (handle: ESYS_TR, modulus: [UInt8]) {
        try unsafe create("the endorsement key") { unsafe ps_tpm_create_endorsement_key(pointer, &$0, &$1) }
    }

    func createAttestationKey() throws(TPMError) -> (handle: ESYS_TR, publicArea: [UInt8]) {
        try unsafe create("the attestation key") { unsafe ps_tpm_create_attestation_key(pointer, &$0, &$1) }
    }

    private func create(
        _ what: String, _ body: (inout ESYS_TR, inout ps_tpm_output) -> TSS2_RC
    ) throws(TPMError) -> (ESYS_TR, [UInt8]) {
        var (handle, shown) = (Self.noHandle, Room(512))
        let result = unsafe shown.fill { output in unsafe body(&handle, &output) }
        if handle != Self.noHandle { handles.append(handle) }
        try Self.check("TPM2_CreatePrimary of \(what)", result)
        return (handle, shown.bytes)
    }

    /// ESYS_TR_NONE
    private static let noHandle: ESYS_TR = 0xfff

    /// As its index has it, which may be longer than a certificate; empty where there is none.
    func endorsementCertificate() throws(TPMError) -> [UInt8] {
        var certificate = Room(4096)
        let result = unsafe certificate.fill { unsafe ps_tpm_read_endorsement_certificate(pointer, &$0) }
        try Self.check("TPM2_NV_Read of the endorsement key's certificate", result)
        return certificate.bytes
    }

    // MARK: Proofs

    func activate(
        _ attestationKey: ESYS_TR, by endorsementKey: ESYS_TR, credential: [UInt8], secret: [UInt8]
    ) throws(TPMError) -> [UInt8] {
        var found = Room(64)
        let result = unsafe found.fill {
            unsafe ps_tpm_activate(
                pointer, attestationKey, endorsementKey, credential, credential.count, secret, secret.count, &$0)
        }
        try Self.check("TPM2_ActivateCredential", result)
        return found.bytes
    }

    func quote(by key: ESYS_TR, _ registers: PlatformRegisters, nonce: [UInt8]) throws(TPMError) -> SignedQuote {
        var (attestation, signature) = (Room(2048), Room(512))
        let result = unsafe attestation.fill { said in
            unsafe signature.fill { signed in
                unsafe ps_tpm_quote(pointer, key, nonce, nonce.count, registers.mask, &said, &signed)
            }
        }
        try Self.check("TPM2_Quote", result)
        return SignedQuote(attestation: attestation.bytes, signature: signature.bytes)
    }

    // MARK: Answers

    /// In the library's words, such as "tpm:session(1):the authorization HMAC check failed".
    private static func check(_ operation: String, _ result: TSS2_RC) throws(TPMError) {
        guard result != 0 else { return }
        let words = unsafe Tss2_RC_Decode(result).map { unsafe String(cString: $0) } ?? "no words for it"
        throw TPMError(operation: operation, reason: "\(words) (0x\(String(result, radix: 16)))")
    }
}

/// Where a function of `CTSS2` writes.
private struct Room {
    private(set) var bytes: [UInt8]

    init(_ count: Int) { bytes = [UInt8](repeating: 0, count: count) }

    /// What is left afterwards is what was written.
    mutating func fill(_ body: (inout ps_tpm_output) -> TSS2_RC) -> TSS2_RC {
        var written = 0
        let result = unsafe bytes.withUnsafeMutableBufferPointer { memory in
            var output = unsafe ps_tpm_output(bytes: memory.baseAddress, count: memory.count)
            let result = unsafe body(&output)
            unsafe written = output.count
            return result
        }
        bytes.removeLast(bytes.count - written)
        return result
    }
}
