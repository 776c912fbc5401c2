internal import OpenSSLBinding
internal import PrintableText
internal import TrustedPlatform

/// Which TPMs let their nodes join.
public struct TrustedTPMs: Sendable {
    /// Of those whose key is in the list, which has the last word. Asked for each join and renewal; nil where there is no list.
    public var names: (@Sendable () throws(TPMListFailure) -> TPMNames)?
    /// What they certify names its node; nil where nobody's certificates count.
    public var issuers: TPMIssuers?
    /// Values of registers of the SHA-256 bank that a node must have, by number; empty for whatever it has.
    public var registers: [Int: [UInt8]]
    let challenges = ChallengeKey()

    public init(
        names: (@Sendable () throws(TPMListFailure) -> TPMNames)? = nil, issuers: TPMIssuers? = nil,
        registers: [Int: [UInt8]] = [:]
    ) {
        self.names = names
        self.issuers = issuers
        self.registers = registers
    }
}

/// Why a list of TPMs cannot be had.
public struct TPMListFailure: Error, Sendable, Equatable {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }
}

/// A TPM that may let its node join, once it has shown that both keys are in it.
struct RecognizedTPM: Sendable {
    let endorsementKey: PublicKey
    let attestationKey: AttestationKey
    let node: AttestedNode
}

extension TrustedTPMs {
    private static let longestKey = 1024
    private static let longestCertificate = 16384

    /// Which node's TPM has this endorsement key. That the keys are in a TPM at all is not known yet.
    func recognize(_ keys: TPMKeys, now: Int64) throws(TPMRejection) -> RecognizedTPM {
        guard keys.endorsementKey.count <= Self.longestKey, keys.attestationKey.count <= Self.longestKey,
            keys.endorsementCertificate.count <= Self.longestCertificate
        else { throw .tooMuch }
        let endorsementKey = try Self.endorsementKey(keys.endorsementKey)
        let node = try node(with: endorsementKey, keys.endorsementCertificate, now: now)
        let attestationKey: AttestationKey
        do throws(AttestationKeyError) {
            attestationKey = try AttestationKey(publicArea: keys.attestationKey)
        } catch {
            throw .attestationKey(error)
        }
        return RecognizedTPM(endorsementKey: endorsementKey, attestationKey: attestationKey, node: node)
    }

    private static func endorsementKey(_ der: [UInt8]) throws(TPMRejection) -> PublicKey {
        guard let key = try? PublicKey(subjectPublicKeyInfo: der), key.kind == .rsa(bits: 2048), key.isCanonical else {
            throw .unsuitableKey
        }
        return key
    }

    private func node(
        with key: PublicKey, _ certificate: [UInt8], now: Int64
    ) throws(TPMRejection) -> AttestedNode {
        let digest = SHA256Digest.hash(key.subjectPublicKeyInfo).hexadecimal
        let list = try listed()
        if list?.denied.contains(digest) == true { throw .deniedKey(digest) }
        // Which TPM has a name is the list's to say, also when it is another than before.
        if let name = list?.names[digest] {
            return AttestedNode(name: name, attestation: .tpm(key: digest), mayChangeKey: true)
        }
        guard let issuers, !certificate.isEmpty else { throw .unknownKey(digest) }
        let name = try issuers.name(of: key, in: certificate, now: now)
        if list?.taken.contains(name) == true { throw .listedName(name) }
        return AttestedNode(name: name, attestation: .tpm(key: digest))
    }

    private func listed() throws(TPMRejection) -> TPMNames? {
        guard let names else { return nil }
        do throws(TPMListFailure) { return try names() } catch { throw .noList(error.reason) }
    }
}
