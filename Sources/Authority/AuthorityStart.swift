internal import Identity
internal import Issuance
internal import OpenSSLBinding

/// What a start finds or makes: the CAs, and the registry that knows of them.
struct AuthorityStart {
    let registry: Registry
    let authorities: AuthoritySet

    init(
        _ settings: AuthoritySettings, _ files: AuthorityFiles, health: KeyHealth, now: () -> Int64,
        observe: @Sendable (AuthorityEvent) -> Void
    ) throws(AuthorityError) {
        let published = try files.certificateAuthority(for: settings.trustDomain, now: now())
        do throws(RegistryError) {
            registry = try Registry(
                path: files.registry, trustDomain: settings.trustDomain, limits: settings.limits.directory,
                sharedBy: settings.sharedLog, as: settings.name)
        } catch {
            throw .registry(error)
        }
        // Opening a registry that is shared, and making a CA, may have taken their time.
        var (rows, known) = try Self.known(published, files, registry, now: now())
        try Self.replaceEnded(&rows, &known, files, registry, now: now(), observe)
        guard let set = AuthoritySet(rows, ownedBy: registry.owner, of: known, health: health) else {
            throw .registry(registry.nonsense("CAs of which none signs"))
        }
        authorities = set
        // An interruption may have left the files behind the registry.
        if set.active.authority.certificate != published.certificate { try files.publish(set.active.authority) }
        try files.keepOnlyKeys(of: set.all.map(\.authority.certificate))
    }

    private static func known(
        _ published: CertificateAuthority, _ files: AuthorityFiles, _ registry: Registry, now: Int64
    ) throws(AuthorityError) -> (AuthorityRows, [CertificateAuthority]) {
        var rows: AuthorityRows
        do throws(RegistryError) {
            rows = try registry.authoritiesNow()
            if rows.of(registry.owner).isEmpty {
                // Others have not heard of it before.
                let isNew = !rows.rows.isEmpty
                let begin = isNew ? now : published.certificate.notBefore + X509SVID.backdating
                rows = try registry.adoptNow(
                    AuthorityRow(chain: published.chain, state: .active, preparedAt: begin))
            }
        } catch {
            throw .registry(error)
        }
        let own = rows.of(registry.owner)
        guard own.contains(where: { $0.chain[0] == published.certificate }) else {
            throw .otherAuthority(path: files.certificate)
        }
        var known: [CertificateAuthority] = []
        for row in own { known.append(try files.load(row, beside: published)) }
        return (rows, known)
    }

    /// An authority that was away until the CA that signs had ended goes on with the one that is prepared, or with another below the
    /// same authority where that is asked. Else the start fails when nothing can be issued: a clock that is wrong must not cost
    /// a root.
    private static func replaceEnded(
        _ rows: inout AuthorityRows, _ known: inout [CertificateAuthority], _ files: AuthorityFiles,
        _ registry: Registry, now: Int64, _ observe: (AuthorityEvent) -> Void
    ) throws(AuthorityError) {
        let own = rows.of(registry.owner)
        guard let active = own.first(where: { $0.state == .active })?.chain[0], active.notAfter <= now,
            let last = known.first(where: { $0.certificate == active })
        else { return }
        let prepared = own.first { $0.state == .prepared }?.chain[0]
        if let prepared, prepared.notAfter > now {
            rows = try perform([.activate(prepared.fingerprint)], in: registry)
            observe(.authorityActivated(fingerprint: prepared.fingerprint))
        } else if files.isAsked {
            let made = try files.makeSuccessor(of: last, now: now)
            let fingerprint = made.certificate.fingerprint
            let row = AuthorityRow(chain: made.chain, state: .prepared, preparedAt: now)
            // One that has ended before it signed anything is missed by nobody.
            let steps: [AuthorityStep] =
                (prepared.map { [.remove($0.fingerprint)] } ?? []) + [.add(row), .activate(fingerprint)]
            rows = try perform(steps, in: registry)
            known.append(made)
            observe(.authorityPrepared(fingerprint: fingerprint, notAfter: made.certificate.notAfter))
            observe(.authorityActivated(fingerprint: fingerprint))
        }
    }

    private static func perform(_ steps: [AuthorityStep], in registry: Registry) throws(AuthorityError) -> AuthorityRows
    {
        do throws(RegistryError) { return try registry.performNow(steps) } catch { throw .registry(error) }
    }
}
