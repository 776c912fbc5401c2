public import Identity
public import OpenSSLBinding

extension CertificateAuthority {
    /// Makes an authority for a key that is there, below another whose key is there too.
    ///
    /// - Parameters:
    ///   - upstream: the authority above, then those that vouch for it, up to and with the root.
    ///   - upstreamKey: of the first of these.
    ///   - now: seconds since 1970.
    ///   - pathLength: how many authorities may be between it and a leaf.
    public static func create(
        for trustDomain: TrustDomain, key: any SigningKey, under upstream: [Certificate],
        by upstreamKey: any SigningKey, now: Int64, lifetime: Duration = defaultLifetime, pathLength: UInt32 = 0
    ) throws(IssuanceError) -> CertificateAuthority {
        guard upstream.first?.publicKey == upstreamKey.publicKey else {
            throw .badUpstream("the key is not that of the first certificate")
        }
        let template = CertificateTemplate(
            intermediate: trustDomain, key: key.publicKey, under: upstream, serial: try newSerial(), now: now,
            lifetime: lifetime, pathLength: pathLength)
        guard let template else { throw .badUpstream("its certificate has no subject key identifier") }
        let certificate: Certificate
        do throws(SigningError) {
            certificate = try template.contents.signed(by: upstreamKey, issuer: upstream[0])
        } catch {
            throw .signing(error)
        }
        return try taken(
            [certificate] + upstream, for: trustDomain, key: key, now: now,
            asked: AskedLimits(latest: now + lifetime.components.seconds, pathLength: pathLength))
    }

    /// Makes an authority for a key that is there, below another that signs when it is asked. Takes as long as that and the
    /// key do.
    ///
    /// - Parameter now: seconds since 1970.
    public static func create(
        for trustDomain: TrustDomain, key: any SigningKey, asking upstream: any UpstreamAuthority, now: Int64,
        lifetime: Duration = defaultLifetime
    ) throws(IssuanceError) -> CertificateAuthority {
        let end = try upstream.chain(at: now).map(\.notAfter).min() ?? now
        // It may not look at its own end, and nothing verifies that outlives what vouches for it.
        let seconds = min(lifetime.components.seconds, end - now - clockDifference)
        guard seconds >= leastAskedFor else { throw .badUpstream("it ends too soon to vouch for another") }
        let request = try AuthorityRequest(trustDomain, key: key, seconds: seconds)
        let answered: [Certificate]
        do throws(UpstreamError) { answered = try upstream.sign(request) } catch { throw .upstream(error) }
        guard let certificate = answered.first, certificate.publicKey == key.publicKey else {
            throw .badUpstream("what it signed is not for the key that was shown")
        }
        guard certificate.notAfter - now >= leastAskedFor else {
            throw .badUpstream("it signed for less than half an hour: see its longest lifetime, and both clocks")
        }
        return try taken(
            UpstreamPath.find(from: answered, at: now), for: trustDomain, key: key, now: now,
            asked: upstream.choosesLimits ? nil : AskedLimits(latest: now + seconds + clockDifference, pathLength: 0))
    }

    /// Seconds that the clock of who signs may be ahead.
    private static let clockDifference: Int64 = 60
    /// Seconds: with less there is no time to let one authority follow another.
    private static let leastAskedFor: Int64 = 1800

    /// Takes what was signed above, if it is an authority as it should be, and all that it will issue verifies.
    ///
    /// - Parameters:
    ///   - chain: the authority's certificate first, the root last.
    ///   - asked: nil where who signed it decides.
    private static func taken(
        _ chain: [Certificate], for trustDomain: TrustDomain, key: any SigningKey, now: Int64, asked: AskedLimits?
    ) throws(IssuanceError) -> CertificateAuthority {
        guard chain.count > 1 else { throw .badUpstream("it signed no authority below it") }
        let authority = try CertificateAuthority(
            trustDomain: trustDomain, certificate: chain[0], issuers: Array(chain.dropFirst()), key: key)
        if let fault = try AuthorityFault.first(of: chain[0], in: trustDomain, asked: asked) {
            throw .badUpstream("what it signed \(fault)")
        }
        guard chain.allSatisfy({ chain[0].notAfter <= $0.notAfter }) else {
            throw .badUpstream("what it signed outlives what is above")
        }
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
