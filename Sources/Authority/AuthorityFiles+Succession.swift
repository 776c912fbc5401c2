internal import Identity
internal import Issuance
internal import LinuxBinding
internal import OpenSSLBinding

/// The CAs that follow the first. Where the authority keeps its key itself, each has its own, in `ca-FINGERPRINT.key`; elsewhere
/// the key stays the operator's, and a next CA is another certificate for it.
extension AuthorityFiles {
    private static let prefix = "ca-"
    private static let suffix = ".key"

    private func successorKey(_ certificate: Certificate) -> String {
        "\(directory)/\(Self.prefix)\(certificate.fingerprint)\(Self.suffix)"
    }

    /// Where the key of a CA is that the authority keeps itself.
    func keyPath(of certificate: Certificate) -> String {
        let path = successorKey(certificate)
        return exists(path) ? path : key
    }

    /// All files with keys of CAs after the first.
    func successorKeys() throws(AuthorityError) -> [String] {
        do throws(SystemError) {
            return try PrivateDirectory.names(in: directory)
                .filter { $0.hasPrefix(Self.prefix) && $0.hasSuffix(Self.suffix) }.map { "\(directory)/\($0)" }
        } catch {
            throw .stateFile(error)
        }
    }

    /// A CA that the registry knows.
    ///
    /// - Parameter known: one that has been loaded: where keys are elsewhere, it has the same.
    func load(_ row: AuthorityRow, beside known: CertificateAuthority) throws(AuthorityError) -> CertificateAuthority {
        let certificate = row.chain[0]
        if certificate == known.certificate { return known }
        let key: any SigningKey =
            switch keyStore {
            case .ownFile: try loadKey(of: certificate)
            case .file, .elsewhere: known.key
            }
        return try load(known.trustDomain, row.chain, key: key)
    }

    func loadKey(of certificate: Certificate) throws(AuthorityError) -> PrivateKey {
        let path = keyPath(of: certificate)
        guard exists(path) else { throw .missing(path: successorKey(certificate), while: registry) }
        let key = try PrivateKey(file: path)
        guard key.publicKey == certificate.publicKey else {
            throw .missing(path: successorKey(certificate), while: registry)
        }
        return key
    }

    /// Makes the CA that is to follow; its key is on disk before anybody knows of it.
    func makeSuccessor(of active: CertificateAuthority, now: Int64) throws(AuthorityError) -> CertificateAuthority {
        guard case .ownFile = keyStore else {
            return try certify(active.trustDomain, key: active.key, now: now)
        }
        let key: PrivateKey
        do throws(OpenSSLError) { key = try .generate() } catch { throw .issuance(.openSSL(error)) }
        let authority = try certify(active.trustDomain, key: key, now: now)
        try key.write(to: successorKey(authority.certificate))
        return authority
    }

    /// Whether a CA is where the settings say: below the upstream's root, or a root itself.
    ///
    /// - Parameter root: of an upstream that is asked; nil while it has not said.
    func isInPlace(_ authority: CertificateAuthority, under root: Certificate?) -> Bool {
        // One from before others were to be below it.
        if let most = authority.pathLength, most < pathLength { return false }
        let isBelow = !authority.issuers.isEmpty
        return switch upstream {
        case nil: !isBelow
        case .held(let chain, _)?: isBelow && authority.root == chain.last
        case .asked?: isBelow && (root == nil || authority.root == root)
        }
    }

    /// Whether CAs are made below an authority that is asked each time. By its clock too, and below a root that is trusted
    /// already: so that one may be made when the last has ended.
    var isAsked: Bool { if case .asked? = upstream { true } else { false } }

    /// Removes all keys of CAs but those of these: what was taken out, and what was made and never got to be known.
    func keepOnlyKeys(of certificates: [Certificate]) throws(AuthorityError) {
        guard case .ownFile = keyStore else { return }
        let kept = Set(certificates.map(successorKey))
        var leftover = try successorKeys().filter { !kept.contains($0) }
        if exists(key), try isUnused(key, by: certificates) { leftover.append(key) }
        do throws(SystemError) {
            for path in leftover { try AtomicFile.remove(path) }
        } catch {
            throw .stateFile(error)
        }
    }

    private func isUnused(_ path: String, by certificates: [Certificate]) throws(AuthorityError) -> Bool {
        let publicKey = try PrivateKey(file: path).publicKey
        return !certificates.contains { $0.publicKey == publicKey }
    }
}
