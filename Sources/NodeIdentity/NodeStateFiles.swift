internal import AuthorityAPI
internal import Foundation
internal import Identity
internal import LinuxBinding
internal import OpenSSLBinding

/// The node's state directory. Every file is replaced whole; `node.pem` goes first and comes last when joining, so that
/// what an interruption leaves is no membership rather than half of one.
struct NodeStateFiles: Sendable {
    let directory: String
    let trustDomain: TrustDomain
    /// That private keys are sealed by; nil where they are not.
    var seal: SecretBytes?

    private var identity: IdentityFile { IdentityFile(path: directory + "/node.pem", seal: seal) }
    private var membership: String { directory + "/node.json" }
    private var bundle: String { directory + "/bundle.pb" }
    private var editions: String { directory + "/directory.pb" }
    private var joinMark: String { directory + "/joining" }

    struct Loaded: Sendable {
        let membership: NodeMembership
        let bundle: TrustBundle
        /// Nil when it is not good any more, at the latest since `expiredAt`.
        let svid: KeyedSVID?
        let expiredAt: Int64?
        let edition: DirectoryEdition?
        let workloads: [IssuedWorkload]
        let entries: [SavedEntry]
        /// What an earlier run left of workloads and is of no use.
        let refusals: [SavedSVIDs.Refusal]
    }

    var workloads: WorkloadFiles { WorkloadFiles(directory: directory + "/workloads", seal: seal) }
    var entries: EntryFiles { EntryFiles(directory: directory + "/entries", trustDomain: trustDomain, seal: seal) }

    func prepare() throws(NodeStateError) {
        try Self.prepare(directory)
        try workloads.prepare()
        try entries.prepare()
    }

    static func prepare(_ directory: String) throws(NodeStateError) {
        do throws(PrivateFileError) {
            try PrivateDirectory.prepare(directory)
        } catch {
            throw .directory(error)
        }
        do throws(SystemError) {
            try AtomicFile.removeLeftovers(in: directory)
        } catch {
            throw .file(error)
        }
    }

    // MARK: Reading

    /// What an earlier run left, nil when the node has not joined: what is there of workloads then is of nobody, and goes.
    func load(now: Int64) throws(NodeStateError) -> Loaded? {
        guard let own = try loadOwn(now: now) else {
            try workloads.clear()
            try entries.clear()
            return nil
        }
        guard let key = own.key else { throw .sealed(path: identity.path) }
        // Before anything is sealed: by a secret that does not open all of it nothing is to be.
        let opened = (workloads: try workloads.open(), entries: try entries.open())
        if let svid = own.svid, seal != nil, !own.isSealed { try save(keyed(svid, key)) }
        let (workloads, refusals) = try workloads.load(opened.workloads, node: own.node, bundle: own.bundle, now: now)
        let (entries, others) = try entries.load(opened.entries, node: own.node, bundle: own.bundle, now: now)
        return Loaded(
            membership: own.membership, bundle: own.bundle,
            svid: try own.svid.map { (svid) throws(NodeStateError) in try keyed(svid, key) },
            expiredAt: own.svid == nil ? own.notAfter : nil, edition: own.edition, workloads: workloads,
            entries: entries, refusals: refusals + others)
    }

    /// What there is but for the workloads.
    struct Own {
        let membership: NodeMembership
        let node: SPIFFEID
        let bundle: TrustBundle
        /// Nil when it has expired, was revoked, or hangs on a root that is gone.
        let svid: X509SVID?
        /// Nil where it is sealed by something else than what there is to open it with.
        let key: PrivateKey?
        let isSealed: Bool
        let notAfter: Int64
        let edition: DirectoryEdition?
    }

    /// Changes nothing.
    func loadOwn(now: Int64) throws(NodeStateError) -> Own? {
        guard FileManager.default.fileExists(atPath: identity.path) else { return nil }
        let membership = try parse(membership) { try? JSONDecoder().decode(NodeMembership.self, from: $0) }
        let saved = try parse(bundle) {
            try? Podshield_Authority_V1_Bundle(encoded: Array($0)).parsed(in: trustDomain)
        }
        let edition = try loadDirectory(saved)
        // A directory is saved before the bundle that came with it, and an interruption may have been between.
        let bundle = [saved, edition?.bundle].compactMap(\.self).max { $0.sequence < $1.sequence } ?? saved
        let contents = try identity.read()
        let svid = try verify(contents, bundle, now: now)
        let node = try node(of: membership)
        if let svid, svid.id != node {
            throw .unreadable(path: identity.path, reason: "it is the identity of \(svid.id), not of \(node)")
        }
        if let svid, let key = contents.key { _ = try keyed(svid, key) }
        return Own(
            membership: membership, node: node, bundle: bundle, svid: svid, key: contents.key,
            isSealed: contents.isSealed, notAfter: contents.chain[0].notAfter,
            edition: edition)
    }

    private func node(of membership: NodeMembership) throws(NodeStateError) -> SPIFFEID {
        do throws(SPIFFEIDError) {
            return try ReservedNames.node(membership.name, in: trustDomain)
        } catch {
            throw .unreadable(path: self.membership, reason: "\(error)")
        }
    }

    private func parse<Value>(_ path: String, _ body: (Data) -> Value?) throws(NodeStateError) -> Value {
        guard let value = body(Data(try read(path, limit: 1 << 20))) else {
            throw .unreadable(path: path, reason: "it is not what was written")
        }
        return value
    }

    private func read(_ path: String, limit: Int) throws(NodeStateError) -> [UInt8] {
        do throws(PrivateFileError) {
            return try PrivateFile(opening: path, largest: limit).contents()
        } catch {
            throw .privateFile(error)
        }
    }

    private func verify(
        _ contents: IdentityFile.Contents, _ bundle: TrustBundle, now: Int64
    ) throws(NodeStateError) -> X509SVID? {
        do throws(SVIDRejection) {
            return try SVIDVerifier(bundle: bundle).verify(issued: contents.chain, at: now)
        } catch .expired, .revoked, .unknownAuthority {
            return nil
        } catch {
            throw .unreadable(path: identity.path, reason: "\(error)")
        }
    }

    private func keyed(_ svid: X509SVID, _ key: PrivateKey) throws(NodeStateError) -> KeyedSVID {
        do throws(SVIDRejection) { return try KeyedSVID(svid: svid, key: key) } catch {
            throw .unreadable(path: identity.path, reason: "\(error)")
        }
    }

    /// A directory that an earlier run accepted. Its signer has had time to expire since: what is judged again is that the
    /// signature holds, as of the signer's own first moment. One of whose signer's CA nothing is known any more says nothing.
    private func loadDirectory(_ bundle: TrustBundle) throws(NodeStateError) -> DirectoryEdition? {
        guard FileManager.default.fileExists(atPath: editions) else { return nil }
        let bytes = try read(editions, limit: AuthorityWire.largestResponse)
        do {
            let message = try Podshield_Authority_V1_SignedDirectory(encoded: bytes)
            let path = try message.chain.map { try Certificate(der: Array($0)) } + bundle.authorities
            let signer = path.first?.notBefore ?? 0
            return try message.verified(by: SVIDVerifier(bundle: bundle), at: signer + X509SVID.backdating)
        } catch DirectoryRejection.signer(.unknownAuthority) {
            return nil
        } catch {
            throw .unreadable(path: editions, reason: "\(error)")
        }
    }

    // MARK: Writing

    /// Replaces whatever an earlier membership left. Its directory goes, too: the new one may be of another authority,
    /// whose revisions begin anew.
    func save(_ membership: NodeMembership, _ bundle: TrustBundle, _ svid: KeyedSVID) throws(NodeStateError) {
        try remove(identity.path)
        try remove(editions)
        try save(bundle)
        try save(membership)
        try save(svid)
        try closeJoin()
    }

    /// Whether a join was begun of which the outcome is not known: the authority may have let this node in.
    var hasOpenJoin: Bool { FileManager.default.fileExists(atPath: joinMark) }

    func openJoin() throws(NodeStateError) { try write(joinMark) { [] } }

    func closeJoin() throws(NodeStateError) { try remove(joinMark) }

    private func remove(_ path: String) throws(NodeStateError) {
        do throws(SystemError) {
            try AtomicFile.remove(path)
        } catch {
            throw .file(error)
        }
    }

    private func save(_ membership: NodeMembership) throws(NodeStateError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try write(self.membership) { Array(try encoder.encode(membership)) }
    }

    func save(_ bundle: TrustBundle) throws(NodeStateError) {
        try write(self.bundle) { try Podshield_Authority_V1_Bundle(bundle).encoded() }
    }

    func save(_ directory: Podshield_Authority_V1_SignedDirectory) throws(NodeStateError) {
        try write(editions) { try directory.encoded() }
    }

    func save(_ svid: KeyedSVID) throws(NodeStateError) { try identity.write(svid) }

    private func write(_ path: String, _ encode: () throws -> [UInt8]) throws(NodeStateError) {
        do {
            try AtomicFile.write(encode(), to: path, mode: 0o600)
        } catch let error as SystemError {
            throw .file(error)
        } catch {
            throw .unreadable(path: path, reason: "\(error)")
        }
    }
}
