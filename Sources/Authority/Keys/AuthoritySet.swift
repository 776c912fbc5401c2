internal import Identity
internal import Issuance
internal import OpenSSLBinding
internal import Synchronization

/// A CA that is trusted, its key, and where it stands in its life.
struct HeldAuthority: Sendable {
    let signer: CertificateSigner
    let row: AuthorityRow

    init(_ row: AuthorityRow, _ signer: CertificateSigner) {
        self.signer = signer
        self.row = row
    }

    var state: KeySchedule.Key.State { row.state }
    /// About to be taken out: what it issued is to be replaced.
    var isTainted: Bool { row.isTainted }
    /// Seconds since 1970.
    var preparedAt: Int64 { row.preparedAt }
    var authority: CertificateAuthority { signer.authority }
    var fingerprint: String { authority.certificate.fingerprint }
    var notAfter: Int64 { authority.certificate.notAfter }

    /// As the schedule sees it.
    var key: KeySchedule.Key {
        KeySchedule.Key(id: fingerprint, state: state, preparedAt: preparedAt, notAfter: notAfter)
    }
}

/// The CAs of one moment: one signs, others are trusted before they do or after they did.
struct AuthoritySet: Sendable {
    /// Grows with every change.
    let edition: UInt64
    /// Of this authority, oldest first.
    let all: [HeldAuthority]
    /// Those of others that share the registry.
    let foreign: [AuthorityRow]
    /// Of both, oldest first: whoever tells of them tells the same.
    let rows: [AuthorityRow]
    let rootsAbove: [Registry.RootAbove]
    /// The one that signs.
    let active: HeldAuthority

    /// What rows of the registry say of CAs whose keys are at hand. Nil when one of `owner`'s is not, or none signs.
    init?(_ rows: AuthorityRows, ownedBy owner: String, of known: [CertificateAuthority], health: KeyHealth) {
        let own = rows.of(owner)
        self.rows = rows.rows
        rootsAbove = rows.rootsAbove
        foreign = rows.rows.filter { $0.owner != owner }
        let all = own.compactMap { row in
            known.first { $0.certificate == row.chain[0] }
                .map { HeldAuthority(row, CertificateSigner($0, health: health)) }
        }
        guard all.count == own.count, let active = all.first(where: { $0.state == .active }) else { return nil }
        edition = rows.edition
        self.all = all
        self.active = active
    }

    /// Fingerprints of the CAs that have the key of this one, itself included: a path may lead to any of them. None where it is no CA of
    /// ours, nor of others that share the registry.
    func authorities(withKeyOf fingerprint: String) -> [String] {
        guard let issuer = rows.first(where: { $0.chain[0].fingerprint == fingerprint })?.chain[0] else { return [] }
        return rows.map(\.chain[0]).filter { $0.publicKey == issuer.publicKey }.map(\.fingerprint)
    }

    /// By which the authority's own server shows who it is: the oldest, as long as it lasts. A node that was away while others
    /// took over trusts that one, and is told of the others by it. `margin` in seconds.
    func server(at now: Int64, margin: Int64) -> HeldAuthority {
        all.first { $0.state != .prepared && $0.notAfter - now >= margin } ?? active
    }

    /// Seconds until what the one that signs has signed is trusted by nodes that hear of it from others. 0 where there are none.
    func noticeLeft(at now: Int64) -> Int64 {
        let notice = AuthorityLifecycle.leastNotice
        return foreign.isEmpty ? 0 : min(max(active.preparedAt + notice - now, 0), notice)
    }

    /// Those above them, then those that authorities above name, as many as there is room for.
    var roots: [Certificate] {
        var roots: [Certificate] = []
        for root in rows.compactMap(\.chain.last) + rootsAbove.map(\.certificate) where !roots.contains(root) {
            roots.append(root)
        }
        return Array(roots.prefix(Self.mostRoots))
    }

    /// Nodes take no more.
    static let mostRoots = 16

    /// Whom to trust because of them, and which of them are tainted.
    func trust(
        revocations: [RevocationList] = [], sequence: UInt64
    ) throws(SVIDRejection) -> TrustBundle {
        try TrustBundle(
            trustDomain: active.authority.trustDomain, authorities: roots,
            issuers: rows.map(\.chain).filter { $0.count > 1 }.map { $0[0] }, revocations: revocations,
            tainted: Set(rows.filter(\.isTainted).map(\.chain[0].sha256)), sequence: sequence)
    }

    /// One CA for each key: a list speaks for all certificates of the key that signed it.
    var listSigners: [CertificateSigner] {
        var signers: [CertificateSigner] = []
        for signer in all.map(\.signer)
        where !signers.contains(where: { $0.authority.key.publicKey == signer.authority.key.publicKey }) {
            signers.append(signer)
        }
        return signers
    }
}

/// The CAs as they are now, to be read from any thread.
final class Authorities: Sendable {
    private let newest: Mutex<AuthoritySet>

    init(_ set: AuthoritySet) { newest = Mutex(set) }

    var current: AuthoritySet { newest.withLock { $0 } }

    /// What signs now.
    var signer: CertificateSigner { current.active.signer }

    func replace(by new: AuthoritySet) { newest.withLock { $0 = new } }
}
