internal import Identity
public import OpenSSLBinding

extension CertificateAuthority {
    /// How many others may be between it and a leaf, as it says itself; nil where it sets no limit.
    public var pathLength: UInt32? { (try? CertificateProfile(certificate)).flatMap(\.pathLength) }

    /// Issues the certificate of a CA below: for the trust domain, for leaves alone, no longer than anything above it. Takes as long as the
    /// key does.
    ///
    /// - Parameter now: seconds since 1970.
    /// - Returns: it, then those between it and the root.
    public func signDownstream(
        _ request: DownstreamRequest, lifetime: Duration, now: Int64
    ) throws(IssuanceError) -> [Certificate] {
        guard (certificate.notBefore..<certificate.notAfter).contains(now) else { throw .authorityNotValid(now: now) }
        guard try roomBelow() else { throw .noRoomBelow }
        let key = request.proven.publicKey
        var template = CertificateTemplate(
            intermediate: trustDomain, key: key, under: chain, serial: try Self.newSerial(), now: now,
            lifetime: lifetime)
        template?.contents.subjectCommonName = CertificateTemplate.nameDownstream(trustDomain)
        guard let template else { throw .noRoomBelow }
        let finished = try sign(template)
        let asked = AskedLimits(latest: now + lifetime.components.seconds, pathLength: 0)
        guard try AuthorityFault.first(of: finished, in: trustDomain, asked: asked) == nil, finished.publicKey == key
        else { throw .differsFromPlan(.extensions) }
        do throws(PathValidation.Failure) {
            let path = try PathValidation.validate(
                leaf: finished, intermediates: intermediates, roots: [root], at: now,
                maximumIntermediates: SVIDVerifier.maximumIntermediates)
            return Array(path.dropLast())
        } catch {
            throw .rejected(.invalidPath(depth: error.depth, reason: error.reason))
        }
    }

    /// Path lengths (RFC 5280 section 4.2.1.9), ours and above.
    private func roomBelow() throws(IssuanceError) -> Bool {
        for (between, authority) in chain.enumerated() {
            do throws(SVIDRejection) {
                if let most = try CertificateProfile(authority).pathLength, most < between + 1 { return false }
            } catch {
                throw .notAnAuthority(error)
            }
        }
        // Between a leaf of what is signed and our root: that, and ours but the root.
        return chain.count <= SVIDVerifier.maximumIntermediates
    }
}
