public import Identity
internal import OpenSSLBinding

/// A certificate that is taken back, as a list says it.
public struct RevokedCertificate: Sendable, Equatable {
    /// Big-endian magnitude.
    public let serial: [UInt8]
    /// Seconds since 1970.
    public let revokedAt: Int64
    public let reason: RevocationReason

    public init(serial: [UInt8], revokedAt: Int64, reason: RevocationReason) {
        self.serial = serial
        self.revokedAt = revokedAt
        self.reason = reason
    }

    /// RFC 5280 section 5.3: an entry, in which no reason is left out rather than said.
    fileprivate var der: [UInt8] {
        let fields = DER.integer(magnitude: serial) + DERTime.encode(revokedAt)
        guard reason != .unspecified else { return DER.element(.sequence, fields) }
        let why = DER.sequence(
            DER.element(.objectIdentifier, ListExtension.reason),
            DER.element(.octetString, DER.element(.enumerated, [reason.code])))
        return DER.element(.sequence, fields + DER.sequence(why))
    }
}

extension CertificateAuthority {
    /// How long a list is good for. A next one is due after half of it.
    public static let listLifetime: Int64 = 86400

    /// Seconds by which lists are dated back. More than certificates: a node whose clock is behind gives out no list at all while one of
    /// them is of the future, and each revocation has new ones.
    public static let listBackdating: Int64 = 300

    /// Signs a complete list, good from `listBackdating` before `issuedAt` (seconds since 1970), and reads it as any node will
    /// before it leaves. Takes as long as the key does.
    public func revocationList(
        number: UInt64, of revoked: [RevokedCertificate], issuedAt: Int64
    ) throws(IssuanceError) -> RevocationList {
        let kind = key.publicKey.kind
        guard let algorithm = SignatureAlgorithm.identifier(of: kind), let scheme = kind.certificateScheme,
            let issuer = certificate.subjectName
        else { throw .unacceptableKey("\(kind)") }
        let body = DER.sequence(
            DER.integer(1), algorithm, issuer, DERTime.encode(issuedAt - Self.listBackdating),
            DERTime.encode(issuedAt + Self.listLifetime),
            revoked.isEmpty ? [] : DER.sequence(of: revoked.map(\.der)), extensions(number))
        let signature: [UInt8]
        do throws(SigningError) { signature = try key.sign(body, by: scheme) } catch { throw .signing(error) }
        let der = DER.sequence(body, algorithm, DER.element(.bitString, [0] + signature))
        do throws(RevocationListRejection) {
            return try RevocationList(der: der, of: certificate)
        } catch {
            throw .listRejected(error)
        }
    }

    /// The two that RFC 5280 section 5.2 demands.
    private func extensions(_ number: UInt64) -> [UInt8] {
        let count = DER.integer(magnitude: (0..<8).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) })
        let list = DER.sequence(
            DER.sequence(
                DER.element(.objectIdentifier, ListExtension.authorityKey),
                DER.element(.octetString, Extensions.authorityKey(above: certificate).value)),
            DER.sequence(
                DER.element(.objectIdentifier, ListExtension.number), DER.element(.octetString, count)))
        return DER.element(.context0Constructed, list)
    }
}
