internal import Identity
internal import OpenSSLBinding

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
        case .pathLength: "may have authorities below it, or does not say that it may not"
        case .lifetime: "is valid for longer than was asked for"
        }
    }

    /// - Parameter latest: when it has to end, in seconds since 1970.
    static func first(
        of certificate: Certificate, in trustDomain: TrustDomain, latest: Int64
    ) throws(IssuanceError) -> AuthorityFault? {
        let profile: CertificateProfile
        do throws(SVIDRejection) { profile = try CertificateProfile(certificate) } catch {
            throw .notAnAuthority(error)
        }
        let name = Array(SPIFFEID(trustDomain).description.utf8)
        if profile.uris != [name] || !profile.dnsNames.isEmpty || profile.hasOtherAlternativeNames { return .names }
        if profile.keyUsage != [.keyCertSign, .cRLSign] { return .usage }
        if profile.extendedKeyUsages != nil { return .purposes }
        if profile.pathLength != 0 { return .pathLength }
        return certificate.notAfter > latest ? .lifetime : nil
    }
}
