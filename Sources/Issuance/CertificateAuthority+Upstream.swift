public import Identity
public import OpenSSLBinding

extension CertificateAuthority {
    /// Makes an authority for a key that is there, below another.
    ///
    /// - Parameters:
    ///   - upstream: the authority above, then those that vouch for it, up to and with the root.
    ///   - upstreamKey: of the first of these.
    ///   - now: seconds since 1970.
    public static func create(
        for trustDomain: TrustDomain, key: any SigningKey, under upstream: [Certificate],
        by upstreamKey: any SigningKey, now: Int64, lifetime: Duration = defaultLifetime
    ) throws(IssuanceError) -> CertificateAuthority {
        guard upstream.first?.publicKey == upstreamKey.publicKey else {
            throw .badUpstream("the key is not that of the first certificate")
        }
        let template = CertificateTemplate(
            intermediate: trustDomain, key: key.publicKey, under: upstream, serial: try newSerial(), now: now,
            lifetime: lifetime)
        guard let template else { throw .badUpstream("its certificate has no subject key identifier") }
        let certificate: Certificate
        do throws(SigningError) {
            certificate = try template.contents.signed(by: upstreamKey, issuer: upstream[0])
        } catch {
            throw .signing(error)
        }
        let authority = try CertificateAuthority(
            trustDomain: trustDomain, certificate: certificate, issuers: upstream, key: key)
        try authority.checkThatItCanIssue(now: now)
        return authority
    }

    /// Whether what it issues is verified by the root: a path length or a limit on names above may be against it, and then
    /// nothing of it should be kept.
    private func checkThatItCanIssue(now: Int64) throws(IssuanceError) {
        let request: [UInt8]
        do throws(OpenSSLError) { request = try SigningRequest.make(key: .generate()) } catch { throw .openSSL(error) }
        do throws(IssuanceError) {
            let plan = try IssuancePlan.authority("trial", in: trustDomain, lifetime: .seconds(60))
            _ = try sign(ProvenRequest(csrDER: request), plan: plan, now: now)
        } catch {
            if case .signing = error { throw error }
            throw .badUpstream("\(error)")
        }
    }
}
