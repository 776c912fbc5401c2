internal import AuthorityAPI
internal import Identity
public import OpenSSLBinding
internal import PrintableText

/// Which certificates of machines let their nodes join.
public struct MachineCertificates: Sendable {
    /// Issuers of machines' certificates; nothing else makes one trusted. Never the authority's own root, under which
    /// workloads have certificates.
    public var roots: [Certificate]
    public var naming: Naming
    /// Let a node that joined by one key join again by another.
    public var mayChangeKey: Bool

    /// What in a certificate is the node's name.
    public enum Naming: String, Sendable, CaseIterable {
        /// The one common name of the subject.
        case commonName = "common-name"
        /// The one DNS name.
        case dnsName = "dns-name"
    }

    public init(roots: [Certificate], naming: Naming = .commonName, mayChangeKey: Bool = false) {
        self.roots = roots
        self.naming = naming
        self.mayChangeKey = mayChangeKey
    }
}

/// A certificate and a proof as a node sent them.
struct MachineEvidence: Sendable {
    /// DER, leaf first.
    let chain: [[UInt8]]
    let signature: [UInt8]
    /// Of the connection it came on; nil where there is none, as on one that came with an SVID.
    let exporter: [UInt8]?
    /// The certificate request that it came with.
    let request: [UInt8]
}

extension MachineCertificates {
    static let mostCertificates = 8
    static let mostBytes = 65536

    /// Whose certificate it is, if it is good at `now` (seconds since 1970) and its key made the proof.
    func attest(_ evidence: MachineEvidence, now: Int64) throws(MachineRejection) -> AttestedNode {
        let chain = try Self.parse(evidence.chain)
        let path = try validated(chain, at: now)
        let leaf = path[0]
        let profile = try Self.profile(leaf)
        try Self.checkUse(of: leaf, profile)
        for issuer in path[1...].dropLast() where try !Self.profile(issuer).mayBeClient { throw .notForClients }
        guard let exporter = evidence.exporter else { throw .notOfThisConnection }
        let statement = MachineProof.statement(exporter: exporter, leaf: leaf, request: evidence.request)
        guard leaf.publicKey.verify(evidence.signature, of: statement) else { throw .notOfThisConnection }
        let key = SHA256Digest.hash(leaf.publicKey.subjectPublicKeyInfo).hexadecimal
        return AttestedNode(
            name: try name(in: leaf, profile), attestation: .certificate(key: key), mayChangeKey: mayChangeKey)
    }

    private static func parse(_ chain: [[UInt8]]) throws(MachineRejection) -> [Certificate] {
        let bytes = chain.reduce(0) { $0 + $1.count }
        guard (1...mostCertificates).contains(chain.count), bytes <= mostBytes else { throw .tooMuch }
        var certificates: [Certificate] = []
        for der in chain {
            do throws(OpenSSLError) { certificates.append(try Certificate(der: der)) } catch {
                throw .unreadable("\(error)")
            }
        }
        return certificates
    }

    /// From the leaf to one of the roots. Keys that are refused are refused before anything is computed with them.
    private func validated(_ chain: [Certificate], at now: Int64) throws(MachineRejection) -> [Certificate] {
        for certificate in chain {
            guard certificate.version == 3, KeyPolicy.accepts(certificate.publicKey.kind) else { throw .unsuitableKey }
        }
        return try MachineRejection.path(from: chain[0], by: Array(chain.dropFirst()), to: roots, at: now)
    }

    private static func profile(_ certificate: Certificate) throws(MachineRejection) -> CertificateProfile {
        do throws(SVIDRejection) { return try CertificateProfile(certificate) } catch { throw .unreadable("\(error)") }
    }

    private static func checkUse(of leaf: Certificate, _ profile: CertificateProfile) throws(MachineRejection) {
        guard !profile.isAuthority, profile.keyUsage?.contains(.keyCertSign) != true else { throw .authority }
        guard profile.keyUsage?.contains(.digitalSignature) == true else { throw .notForSignatures }
        guard profile.mayBeClient else { throw .notForClients }
    }

    private func name(in leaf: Certificate, _ profile: CertificateProfile) throws(MachineRejection) -> String {
        let name: String?
        switch naming {
        case .commonName: name = leaf.commonName
        case .dnsName:
            name = profile.dnsNames.count == 1 ? String(validating: profile.dnsNames[0], as: UTF8.self) : nil
        }
        guard let name else { throw .noName(naming) }
        guard AuthorityCore.isNodeName(name) else { throw .badName(name) }
        return name
    }
}

extension CertificateProfile {
    /// No word on purposes is no limit on them (RFC 5280 section 4.2.1.12).
    fileprivate var mayBeClient: Bool { extendedKeyUsages?.contains(ExtensionID.clientAuthentication) ?? true }
}
