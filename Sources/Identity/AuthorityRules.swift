internal import OpenSSLBinding

/// What X509-SVID asks of a signing certificate.
struct AuthorityRules {
    let trustDomain: TrustDomain

    init(_ trustDomain: TrustDomain) { self.trustDomain = trustDomain }

    func check(_ certificate: Certificate, depth: Int) throws(SVIDRejection) {
        try certificate.checkForm(depth: depth)
        let profile = try CertificateProfile(certificate)
        guard profile.isAuthority else { throw .notAnAuthority(depth: depth) }
        guard let usage = profile.keyUsage else { throw .keyUsageMissing(depth: depth) }
        guard profile.keyUsageIsCritical else { throw .keyUsageNotCritical(depth: depth) }
        guard usage.contains(.keyCertSign) else { throw .mayNotSignCertificates(depth: depth) }
        try checkName(profile.uris, depth: depth)
    }

    /// A signing certificate need not have a SPIFFE ID; one it has is the trust domain's own. The standards' own example
    /// carries `spiffe://example.com/`, so that one trailing slash is tolerated here, and only here.
    private func checkName(_ uris: [[UInt8]], depth: Int) throws(SVIDRejection) {
        guard uris.count <= 1 else { throw .uriNames(count: uris.count) }
        guard let bytes = uris.first else { return }
        let isDomainWithSlash = bytes.elementsEqual("\(SPIFFEID(trustDomain))/".utf8)
        let id = isDomainWithSlash ? SPIFFEID(trustDomain) : try SPIFFEID(uriName: bytes)
        guard id.trustDomain == trustDomain else { throw .foreignTrustDomain(id.trustDomain) }
        guard id.path.isEmpty else { throw .authorityWithPath(depth: depth) }
    }
}

extension Certificate {
    /// Version 3 and a key worth checking a signature with.
    func checkForm(depth: Int) throws(SVIDRejection) {
        guard version == 3 else { throw .wrongVersion(depth: depth, version: version) }
        guard KeyPolicy.accepts(publicKey.kind) else {
            throw .unacceptableKey(depth: depth, key: "\(publicKey.kind)")
        }
    }
}

extension SPIFFEID {
    /// Reads an ID from the bytes of a URI name, an IA5String: what is not ASCII, NUL included, is no character of an ID.
    init(uriName bytes: [UInt8]) throws(SVIDRejection) {
        guard bytes.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw .badID("it has bytes that are no printable ASCII")
        }
        do throws(SPIFFEIDError) {
            try self.init(String(decoding: bytes, as: UTF8.self))
        } catch {
            throw .badID("\(error)")
        }
    }
}
