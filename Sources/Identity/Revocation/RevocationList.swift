public import OpenSSLBinding

/// What an authority has taken back before its time: a certificate revocation list (RFC 5280 section 5), of version 2 and
/// complete, whose signature was found to be the authority's.
///
/// Nodes take the list that came with the newest directory for what it says, also past `nextUpdate`: until then others must
/// have the next one.
public struct RevocationList: Sendable, Equatable {
    public let der: [UInt8]
    /// Of the whole list.
    public let sha256: [UInt8]
    /// Grows with every list of the authority.
    public let number: UInt64
    /// Seconds since 1970.
    public let thisUpdate: Int64
    public let nextUpdate: Int64
    /// Of the revoked certificates, as `Certificate.serialHex` has them.
    public let serials: Set<String>
    /// Who signed.
    public let authority: Certificate

    /// Most certificates of a list that is accepted: it goes to every node and every workload.
    public static let mostCertificates = 16384
    /// Most bytes of one, at 64 for a certificate.
    public static let mostBytes = mostCertificates * 64 + 4096

    /// Reads exactly one list that `authority`, which may sign lists, has signed.
    public init(der: [UInt8], of authority: Certificate) throws(RevocationListRejection) {
        guard der.count <= Self.mostBytes else { throw .tooLarge(bytes: der.count) }
        let contents: Contents
        do throws(DERError) { contents = try Contents(der, authority) } catch { throw .malformed }
        guard contents.issuer == authority.subjectName, authority.maySignLists else { throw .otherAuthority }
        guard let scheme = authority.publicKey.kind.certificateScheme,
            authority.publicKey.verify(contents.signature, of: contents.signed, by: scheme)
        else { throw .badSignature }
        guard contents.serials.count <= Self.mostCertificates else { throw .tooLarge(bytes: der.count) }
        self.der = der
        sha256 = SHA256Digest.hash(der)
        self.authority = authority
        number = contents.number
        thisUpdate = contents.thisUpdate
        nextUpdate = contents.nextUpdate
        serials = contents.serials
    }

    /// Whether it takes back this certificate, which its authority has issued.
    func revokes(_ certificate: Certificate) -> Bool { serials.contains(certificate.serialHex) }
}

/// Why bytes are no revocation list of an authority.
public enum RevocationListRejection: Error, Sendable, Equatable {
    case tooLarge(bytes: Int)
    case malformed
    case otherAuthority
    case badSignature
}

extension RevocationListRejection: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tooLarge(let bytes): "the revocation list is too large, \(bytes) bytes"
        case .malformed: "the revocation list cannot be read"
        case .otherAuthority: "the revocation list is not by an authority of the bundle"
        case .badSignature: "the revocation list's signature does not hold"
        }
    }
}

extension Certificate {
    /// The subject as it stands there, DER; nil in what no authority has issued.
    package var subjectName: [UInt8]? { try? readSubjectName() }

    private func readSubjectName() throws(DERError) -> [UInt8] {
        var certificate = DERReader(try DERReader.only(.sequence, in: der))
        var fields = DERReader(try certificate.read(.sequence))
        _ = try fields.read(.context0Constructed)
        _ = try fields.read(.integer)
        // Algorithm, issuer, validity.
        for _ in 0..<3 { _ = try fields.read(.sequence) }
        return DER.element(.sequence, try fields.read(.sequence))
    }

    fileprivate var maySignLists: Bool {
        (try? CertificateProfile(self))?.keyUsage?.contains(.cRLSign) == true
    }
}
