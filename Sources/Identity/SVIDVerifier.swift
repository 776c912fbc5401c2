public import OpenSSLBinding

/// Decides whether certificates are an X.509-SVID of one trust domain: RFC 5280 path validation against exactly the
/// bundle's roots and their revocation lists, then the rules of X509-SVID sections 2 to 5. Every fact is read from the certificate whose signature
/// was checked.
public struct SVIDVerifier: Sendable {
    public let bundle: TrustBundle

    /// Most certificates a chain may have, and most bytes in all: what a peer can make us look at.
    public static let maximumCertificates = 8
    public static let maximumBytes = 65536
    /// Most certificates between leaf and root.
    public static let maximumIntermediates = 3

    public init(bundle: TrustBundle) { self.bundle = bundle }

    /// Verifies DER certificates, leaf first.
    public func verify(chainDER: [[UInt8]], at unixTime: Int64) throws(SVIDRejection) -> X509SVID {
        try verify(chain: Self.certificates(chainDER), at: unixTime)
    }

    /// Reads DER certificates, leaf first.
    public static func certificates(_ chainDER: [[UInt8]]) throws(SVIDRejection) -> [Certificate] {
        try checkSize(chainDER.map(\.count))
        var chain: [Certificate] = []
        for (depth, der) in chainDER.enumerated() {
            do throws(OpenSSLError) {
                chain.append(try Certificate(der: der))
            } catch {
                throw .unreadableCertificate(depth: depth, reason: "\(error)")
            }
        }
        return chain
    }

    /// `chain` has the leaf first; the order of the rest does not matter, and what the path does not need is passed over.
    /// `unixTime` in seconds since 1970 is the only clock.
    public func verify(chain: [Certificate], at unixTime: Int64) throws(SVIDRejection) -> X509SVID {
        try Self.checkSize(chain.map(\.der.count))
        for (depth, certificate) in chain.enumerated() {
            try certificate.checkForm(depth: depth)
        }
        let path = try validatedPath(chain, at: unixTime)
        for (index, authority) in path.dropFirst().enumerated() {
            try AuthorityRules(bundle.trustDomain).check(authority, depth: index + 1)
            guard !bundle.revokes(path[index]) else { throw .revoked(depth: index) }
        }
        return try svid(path)
    }

    private static func checkSize(_ counts: [Int]) throws(SVIDRejection) {
        guard !counts.isEmpty else { throw .emptyChain }
        guard counts.count <= maximumCertificates else { throw .chainTooLong(certificates: counts.count) }
        let bytes = counts.reduce(0, +)
        guard bytes <= maximumBytes else { throw .chainTooLarge(bytes: bytes) }
    }

    private func validatedPath(_ chain: [Certificate], at unixTime: Int64) throws(SVIDRejection) -> [Certificate] {
        do throws(PathValidation.Failure) {
            return try PathValidation.validate(
                leaf: chain[0], intermediates: Array(chain.dropFirst()), roots: bundle.authorities, at: unixTime,
                maximumIntermediates: Self.maximumIntermediates)
        } catch {
            throw SVIDRejection(error)
        }
    }

    private func svid(_ path: [Certificate]) throws(SVIDRejection) -> X509SVID {
        let profile = try CertificateProfile(path[0])
        let id = try checkedName(profile, subjectIsEmpty: path[0].subject.isEmpty)
        try Self.checkUsage(profile)
        let binding = try checkedBinding(profile.binding, of: id)
        return X509SVID(id: id, path: path, anchor: path[path.count - 1], binding: binding)
    }

    private func checkedName(_ profile: CertificateProfile, subjectIsEmpty: Bool) throws(SVIDRejection) -> SPIFFEID {
        guard profile.uris.count == 1 else { throw .uriNames(count: profile.uris.count) }
        let id = try SPIFFEID(uriName: profile.uris[0])
        guard id.trustDomain == bundle.trustDomain else { throw .foreignTrustDomain(id.trustDomain) }
        guard !id.path.isEmpty else { throw .idWithoutPath(id) }
        guard profile.alternativeNamesAreCritical || !subjectIsEmpty else { throw .alternativeNamesNotCritical }
        return id
    }

    private static func checkUsage(_ profile: CertificateProfile) throws(SVIDRejection) {
        guard !profile.isAuthority else { throw .leafIsAuthority }
        guard let usage = profile.keyUsage else { throw .keyUsageMissing(depth: 0) }
        guard profile.keyUsageIsCritical else { throw .keyUsageNotCritical(depth: 0) }
        guard usage.contains(.digitalSignature) else { throw .noDigitalSignature }
        guard usage.isDisjoint(with: [.keyCertSign, .cRLSign]) else { throw .leafMaySignCertificates }
        guard let purposes = profile.extendedKeyUsages else { return }
        guard purposes.contains(ExtensionID.serverAuthentication),
            purposes.contains(ExtensionID.clientAuthentication)
        else { throw .extendedKeyUsageIncomplete }
    }

    private func checkedBinding(_ der: [UInt8]?, of id: SPIFFEID) throws(SVIDRejection) -> PodshieldBinding? {
        guard let der else { return nil }
        let binding: PodshieldBinding
        do throws(PodshieldBindingError) {
            binding = try PodshieldBinding(der: der)
        } catch {
            throw .malformedBinding(error)
        }
        guard id.kind == .workload else { throw .bindingOnInfrastructure(id) }
        guard binding.node.trustDomain == id.trustDomain else { throw .bindingOfForeignNode(binding.node) }
        return binding
    }
}

extension SVIDRejection {
    init(_ failure: PathValidation.Failure) {
        switch failure.kind {
        case .unknownAuthority: self = .unknownAuthority
        case .expired: self = .expired(depth: failure.depth)
        case .notYetValid: self = .notYetValid(depth: failure.depth)
        case .other: self = .invalidPath(depth: failure.depth, reason: failure.reason)
        }
    }
}
