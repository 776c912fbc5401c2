/// Why a chain of certificates is no X.509-SVID of a trust domain. `depth` counts from the leaf, which is 0.
public enum SVIDRejection: Error, Sendable, Equatable {
    // What was presented
    case emptyChain
    case chainTooLong(certificates: Int)
    case chainTooLarge(bytes: Int)
    case unreadableCertificate(depth: Int, reason: String)
    case wrongVersion(depth: Int, version: Int)
    case unacceptableKey(depth: Int, key: String)
    case duplicateExtension(oid: String)
    case malformedExtension(oid: String)

    // The path (RFC 5280 section 6)
    case unknownAuthority
    case expired(depth: Int)
    case notYetValid(depth: Int)
    case revoked(depth: Int)
    case invalidPath(depth: Int, reason: String)

    // The leaf (X509-SVID sections 2 to 5)
    case uriNames(count: Int)
    case badID(String)
    case idWithoutPath(SPIFFEID)
    case foreignTrustDomain(TrustDomain)
    case leafIsAuthority
    case alternativeNamesNotCritical
    case keyUsageMissing(depth: Int)
    case keyUsageNotCritical(depth: Int)
    case noDigitalSignature
    case leafMaySignCertificates
    case extendedKeyUsageIncomplete

    // The authorities (X509-SVID sections 3.2 and 4)
    case notAnAuthority(depth: Int)
    case mayNotSignCertificates(depth: Int)
    case authorityWithPath(depth: Int)

    // Ours
    case malformedBinding(PodshieldBindingError)
    case bindingOfForeignNode(SPIFFEID)
    case bindingOnInfrastructure(SPIFFEID)
    case keyMismatch
}

extension SVIDRejection: CustomStringConvertible {
    public var description: String {
        switch self {
        case .emptyChain: "no certificate was presented"
        case .chainTooLong(let count): "the chain has \(count) certificates"
        case .chainTooLarge(let bytes): "the chain has \(bytes) bytes"
        case .unreadableCertificate(let depth, let reason): "certificate \(depth) cannot be read: \(reason)"
        case .wrongVersion(let depth, let version): "certificate \(depth) is of version \(version), not 3"
        case .unacceptableKey(let depth, let key): "certificate \(depth) has an unacceptable key: \(key)"
        case .duplicateExtension(let oid): "extension \(oid) occurs twice"
        case .malformedExtension(let oid): "extension \(oid) is malformed"
        case .unknownAuthority: "no authority of the bundle stands behind it"
        case .expired(let depth): "certificate \(depth) has expired"
        case .notYetValid(let depth): "certificate \(depth) is not yet valid: is this machine's clock right?"
        case .revoked(let depth): "certificate \(depth) has been revoked"
        case .invalidPath(let depth, let reason): "certificate \(depth): \(reason)"
        case .uriNames(let count): "it has \(count) URI names, not one"
        case .badID(let reason): "its SPIFFE ID is not valid: \(reason)"
        case .idWithoutPath(let id): "\(id) has no path"
        case .foreignTrustDomain(let domain): "it belongs to trust domain \(domain)"
        case .leafIsAuthority: "the leaf is a certificate authority"
        case .alternativeNamesNotCritical: "the subject is empty and the alternative name not critical"
        case .keyUsageMissing(let depth): "certificate \(depth) has no key usage"
        case .keyUsageNotCritical(let depth): "key usage of certificate \(depth) is not critical"
        case .noDigitalSignature: "key usage lacks digitalSignature"
        case .leafMaySignCertificates: "key usage of the leaf has keyCertSign or cRLSign"
        case .extendedKeyUsageIncomplete: "extended key usage lacks serverAuth or clientAuth"
        case .notAnAuthority(let depth): "certificate \(depth) is not a certificate authority"
        case .mayNotSignCertificates(let depth): "key usage of certificate \(depth) lacks keyCertSign"
        case .authorityWithPath(let depth): "the SPIFFE ID of authority \(depth) has a path"
        case .malformedBinding(let reason): "the binding extension is malformed: \(reason)"
        case .bindingOfForeignNode(let node): "the binding names \(node), a node of another trust domain"
        case .bindingOnInfrastructure(let id): "\(id) is no workload and may have no binding"
        case .keyMismatch: "the private key is not the certificate's"
        }
    }
}
