import Foundation
import OpenSSLBinding
import TrustedPlatform

/// What a TPM's key signs when its node joins, beside the registers. It is good on one connection, for one request, and only
/// together with the secret of a challenge, as `MachineProof` is for a certificate.
public enum TPMProof {
    private static let context = "podshield-tpm-v1"
    /// Bytes.
    public static let secretLength = 32

    /// Every part has one length, so that there is one way to take it apart.
    public static func nonce(exporter: [UInt8], request: [UInt8], secret: SecretBytes) -> [UInt8] {
        var statement = Array(context.utf8) + [0] + exporter + SHA256Digest.hash(request)
        unsafe secret.withUnsafeBytes { unsafe statement.append(contentsOf: $0) }
        defer { for index in statement.indices { statement[index] = 0 } }
        return SHA256Digest.hash(statement)
    }
}

extension Podshield_Authority_V1_TPMKeys {
    public init(_ keys: TPMKeys) {
        self.init()
        endorsementKey = Data(keys.endorsementKey)
        endorsementCertificate = Data(keys.endorsementCertificate)
        attestationKey = Data(keys.attestationKey)
    }

    public var parsed: TPMKeys {
        TPMKeys(
            endorsementKey: Array(endorsementKey), endorsementCertificate: Array(endorsementCertificate),
            attestationKey: Array(attestationKey))
    }
}

extension Podshield_Authority_V1_TPMAnswer {
    public init(_ keys: TPMKeys, secret: SecretBytes, endsAt: Int64, quote: SignedQuote) {
        self.init()
        self.keys = Podshield_Authority_V1_TPMKeys(keys)
        self.secret = unsafe secret.withUnsafeBytes { unsafe Data($0) }
        self.endsAt = endsAt
        self.quote = Data(quote.attestation)
        signature = Data(quote.signature)
    }

    /// Of whatever length its sender gave it.
    public var parsedSecret: SecretBytes {
        unsafe SecretBytes(count: secret.count) { destination in
            unsafe secret.withUnsafeBytes { unsafe destination.copyMemory(from: $0) }
        }
    }
}
