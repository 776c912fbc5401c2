internal import AuthorityAPI
internal import Foundation
internal import Identity
internal import OpenSSLBinding

/// The SVIDs of entries that somebody on this node has asked for, on disk with what the entries say: whoever fits one of them has his
/// identity after a restart, too, whether or not the authority can be asked. What a crash of the machine takes with it is issued anew.
struct EntryFiles: Sendable {
    private let files: SavedSVIDs
    private let trustDomain: TrustDomain

    init(directory: String, trustDomain: TrustDomain, seal: SecretBytes?) {
        files = SavedSVIDs(directory: directory, seal: seal, isLasting: false)
        self.trustDomain = trustDomain
    }

    func prepare() throws(NodeStateError) { try files.prepare() }

    /// What an earlier run left, which has to be opened before anything is changed.
    func open() throws(NodeStateError) -> [SavedSVIDs.Opened] { try files.open() }

    /// What of that still is an SVID of its entry on `node`. The rest is deleted.
    func load(
        _ opened: [SavedSVIDs.Opened], node: SPIFFEID, bundle: TrustBundle, now: Int64
    ) throws(NodeStateError) -> (entries: [SavedEntry], refusals: [SavedSVIDs.Refusal]) {
        let (found, refusals) = try files.load(opened, node: node, bundle: bundle, now: now) {
            text, svid -> (name: String, note: ListedEntry)? in
            guard let listed = EntryNote(text: text)?.parsed(in: trustDomain), listed.entry.spiffeID == svid.id else {
                return nil
            }
            return (listed.entry.id, listed)
        }
        return (found.map { SavedEntry(listed: $0.note, svid: $0.svid) }, refusals)
    }

    func save(_ svid: KeyedSVID, of listed: ListedEntry) throws(NodeStateError) {
        try files.save(svid, of: listed.entry.id, note: EntryNote(listed).text)
    }

    /// Removes all.
    func clear() throws(NodeStateError) { try files.clear() }

    /// Of many, all that are to go before `sync`.
    func remove(_ id: String) throws(NodeStateError) { try files.remove(id) }

    /// An entry that has gone does not come back with a crash.
    func sync() throws(NodeStateError) { try files.sync() }
}

struct SavedEntry: Sendable {
    let listed: ListedEntry
    let svid: KeyedSVID
}

/// One line above the certificates: the entry as the authority tells it, in base64, which has none of the marks of PEM.
private struct EntryNote {
    let message: Podshield_Authority_V1_Entry

    init(_ listed: ListedEntry) { message = Podshield_Authority_V1_Entry(listed) }

    init?(text: Substring) {
        guard let bytes = Data(base64Encoded: text.trimmingCharacters(in: .newlines)),
            let message = try? Podshield_Authority_V1_Entry(encoded: Array(bytes))
        else { return nil }
        self.message = message
    }

    var text: String { Data((try? message.encoded()) ?? []).base64EncodedString() + "\n" }

    func parsed(in trustDomain: TrustDomain) -> ListedEntry? {
        message.parsed(in: trustDomain).map { ListedEntry($0, createdAt: message.createdAt) }
    }
}
