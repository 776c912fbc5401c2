internal import Identity
internal import Issuance
internal import OpenSSLBinding

/// By whom the certificates of CAs are signed.
extension AuthorityFiles {
    /// A CA for a key, by the upstream's or by itself. Takes as long as they do.
    func certify(
        _ trustDomain: TrustDomain, key: any SigningKey, now: Int64
    ) throws(AuthorityError) -> CertificateAuthority {
        let authority =
            switch upstream {
            case nil:
                try signed { () throws(IssuanceError) in
                    try CertificateAuthority.createRoot(
                        for: trustDomain, key: key, now: now, lifetime: lifetime, pathLength: pathLength)
                }
            case .held(let chain, let upstreamKey):
                try under(chain, by: try Self.open(upstreamKey), trustDomain, key, now)
            case .asked(let above):
                try signed(by: above) { () throws(IssuanceError) in
                    try CertificateAuthority.create(
                        for: trustDomain, key: key, asking: above, now: now, lifetime: lifetime)
                }
            }
        try checkIssuersOfMachines(authority.chain)
        return authority
    }

    private func under(
        _ chain: [Certificate], by upstreamKey: any SigningKey, _ trustDomain: TrustDomain, _ key: any SigningKey,
        _ now: Int64
    ) throws(AuthorityError) -> CertificateAuthority {
        try signed { () throws(IssuanceError) in
            try CertificateAuthority.create(
                for: trustDomain, key: key, under: chain, by: upstreamKey, now: now, lifetime: lifetime,
                pathLength: pathLength)
        }
    }

    private static func open(
        _ key: () throws(UpstreamKeyError) -> any SigningKey
    ) throws(AuthorityError) -> any SigningKey {
        do throws(UpstreamKeyError) { return try key() } catch { throw .upstreamKey(error.reason) }
    }

    private func signed(
        by above: (any UpstreamAuthority)? = nil, _ sign: () throws(IssuanceError) -> CertificateAuthority
    ) throws(AuthorityError) -> CertificateAuthority {
        do throws(IssuanceError) { return try sign() } catch {
            // The CA's own key is somewhere else.
            if case .signing = error { throw .issuance(error) }
            throw above.map { .upstream("\($0)", error) } ?? .issuance(error)
        }
    }

    /// Where CAs are signed for others, what is above ours has to have room for it and for them (RFC 5280 section 4.2.1.9).
    func checkRoomBelow() throws(AuthorityError) {
        guard pathLength > 0, case .held(let chain, _)? = upstream else { return }
        for (between, authority) in chain.enumerated() {
            let most: UInt32?
            do throws(SVIDRejection) { most = try CertificateProfile(authority).pathLength } catch {
                throw .issuance(.notAnAuthority(error))
            }
            if let most, Int(most) < between + 1 + Int(pathLength) { throw .noRoomBelow }
        }
    }

    /// No authority above workloads may vouch for machines, by whatever certificate of its key.
    func checkIssuersOfMachines(_ chain: [Certificate]) throws(AuthorityError) {
        let keys = Set(chain.map(\.publicKey.subjectPublicKeyInfo))
        guard issuersOfMachines.contains(where: { keys.contains($0.publicKey.subjectPublicKeyInfo) }) else { return }
        throw .ownRootVouchesForMachines
    }
}
