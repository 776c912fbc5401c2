internal import Identity
internal import OpenSSLBinding

/// How far an authority was to reach.
struct AskedLimits {
    /// When it has to end, in seconds since 1970.
    let latest: Int64
    /// How many authorities may be between it and a leaf.
    let pathLength: UInt32
}

/// What keeps the certificate of an authority of ours from being what was asked for. Others may be less, or more: of ours
/// everything is known beforehand.
enum AuthorityFault: CustomStringConvertible {
    case names
    case usage
    case purposes
    case pathLength
    case lifetime

    var description: String {
        switch self {
        case .names: "has other names than the trust domain's"
        case .usage: "is for more or less than signing certificates and revocation lists"
        case .purposes: "is for certain purposes only"
        case .pathLength: "does not say as was asked for how many authorities may be below it"
        case .lifetime: "is valid for longer than was asked for"
        }
    }

    /// - Parameter asked: nil where who signed it decides.
    static func first(
        of certificate: Certificate, in trustDomain: TrustDomain, asked: AskedLimits?
    ) throws(IssuanceError) -> AuthorityFault? {
        let profile: CertificateProfile
        do throws(SVIDRejection) { profile = try CertificateProfile(certificate) } catch {
            throw .notAnAuthority(error)
        }
        let name = Array(SPIFFEID(trustDomain).description.utf8)
        if profile.uris != [name] || !profile.dnsNames.isEmpty || profile.hasOtherAlternativeNames { return .names }
        if profile.keyUsage != [.keyCertSign, .cRLSign] { return .usage }
        if profile.extendedKeyUsages != nil { return .purposes }
        guard let asked else { return nil }
        if profile.pathLength != asked.pathLength { return .pathLength }
        return certificate.notAfter > asked.latest ? .lifetime : nil
    }
}
