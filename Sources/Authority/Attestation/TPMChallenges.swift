internal import AuthorityAPI
internal import Crypto
internal import OpenSSLBinding
internal import TrustedPlatform

/// On which connection, and for which certificate request, a node calls.
struct JoinOccasion: Sendable {
    /// Nil where there is none.
    let exporter: [UInt8]?
    let request: [UInt8]
}

/// What a node's TPM is asked.
struct TPMChallenge: Sendable {
    let credential: [UInt8]
    let secret: [UInt8]
    let registers: PlatformRegisters
    /// Seconds since 1970.
    let endsAt: Int64
}

/// What a node's TPM answers.
struct TPMEvidence: Sendable {
    let keys: TPMKeys
    let secret: SecretBytes
    let endsAt: Int64
    let quote: SignedQuote
}

/// Secrets of challenges follow from this key and from what they are for, so that nothing is remembered between a challenge and its
/// answer. Not kept anywhere: challenges end with the process.
struct ChallengeKey: Sendable {
    private let key = SymmetricKey(size: .bits256)
    private static let context = "podshield-tpm-challenge-v1"

    /// Every part has one length.
    func secret(for tpm: RecognizedTPM, exporter: [UInt8], request: [UInt8], endsAt: Int64) -> SecretBytes {
        let statement =
            Array(Self.context.utf8) + [0] + exporter + SHA256Digest.hash(request)
            + SHA256Digest.hash(tpm.endorsementKey.subjectPublicKeyInfo) + tpm.attestationKey.name
            + (0..<8).reversed().map { UInt8(truncatingIfNeeded: endsAt >> (8 * $0)) }
        let code = HMAC<SHA256>.authenticationCode(for: statement, using: key)
        return unsafe SecretBytes(count: SHA256.byteCount) { destination in
            unsafe code.withUnsafeBytes { unsafe destination.copyMemory(from: $0) }
        }
    }
}

extension TrustedTPMs {
    /// As long as a connection without a certificate lasts.
    static let patience: Int64 = 30

    private var asked: PlatformRegisters { PlatformRegisters(registers.keys) ?? Self.unspecified }

    /// A quote has to be of something.
    private static let unspecified = PlatformRegisters([0])!

    /// For a TPM that is known: something that nothing but this TPM with these keys can find.
    func challenge(_ keys: TPMKeys, _ occasion: JoinOccasion, now: Int64) throws(TPMRejection) -> TPMChallenge {
        let tpm = try recognize(keys, now: now)
        guard let exporter = occasion.exporter else { throw .otherChallenge }
        let endsAt = now + Self.patience
        let hidden = challenges.secret(for: tpm, exporter: exporter, request: occasion.request, endsAt: endsAt)
        do throws(OpenSSLError) {
            let made = try MadeCredential(
                hidden, name: tpm.attestationKey.name, endorsementKey: tpm.endorsementKey,
                seed: RandomBytes.makeSecret(32))
            return TPMChallenge(
                credential: made.credential, secret: made.secret, registers: asked, endsAt: endsAt)
        } catch {
            throw .internalFailure("\(error)")
        }
    }

    /// The node whose TPM has answered a challenge, on the connection and for the request that it was for.
    func attest(_ evidence: TPMEvidence, _ occasion: JoinOccasion, now: Int64) throws(TPMRejection) -> AttestedNode {
        let tpm = try recognize(evidence.keys, now: now)
        guard let exporter = occasion.exporter else { throw .otherChallenge }
        let secret = challenges.secret(
            for: tpm, exporter: exporter, request: occasion.request, endsAt: evidence.endsAt)
        guard SecretBytes.constantTimeEqual(secret, evidence.secret) else { throw .otherChallenge }
        guard now <= evidence.endsAt else { throw .late }
        let nonce = TPMProof.nonce(exporter: exporter, request: occasion.request, secret: secret)
        try check(evidence.quote, by: tpm.attestationKey, nonce: nonce)
        return tpm.node
    }

    private func check(_ signed: SignedQuote, by key: AttestationKey, nonce: [UInt8]) throws(TPMRejection) {
        let (quote, isSigned): (Quote, Bool)
        do throws(TPMFormatError) {
            quote = try Quote(attestation: signed.attestation)
            isSigned = try key.verify(signed.signature, of: signed.attestation)
        } catch {
            throw .quote(error)
        }
        guard isSigned, quote.nonce == nonce else { throw .otherQuote }
        guard quote.registers == asked else { throw .otherRegisters }
        guard registers.isEmpty || quote.digest == PlatformRegisters.digest(of: registers) else {
            throw .changedRegisters
        }
    }
}
