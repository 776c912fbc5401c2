internal import Foundation
internal import Identity
internal import LinuxBinding
internal import OpenSSLBinding

/// SVIDs of workloads and their keys on disk, so that they survive a restart: one file each, named by a digest because names may be
/// longer than a file's.
struct SavedSVIDs: Sendable {
    let directory: String
    /// That keys are sealed by; nil where they are not.
    let seal: SecretBytes?
    /// Whether each that is saved or removed has to be so after a crash of the machine that follows at once.
    let isLasting: Bool

    /// Why one of the files is of no use.
    struct Refusal: Error, Sendable, Equatable {
        let path: String
        let reason: String
    }

    /// What a file held, and whose note that is.
    struct Found<Note> {
        let note: Note
        let svid: KeyedSVID
        let identity: NumericIdentity
    }

    func prepare() throws(NodeStateError) { try NodeStateFiles.prepare(directory) }

    // MARK: Reading

    /// What an earlier run left and what still is an SVID of a workload on `node`. The rest is deleted, but for what is sealed by
    /// something else: that throws. What is not sealed yet, and is to be, is sealed.
    ///
    /// - Parameter parse: what a note says, and the name of whom it says it; nil for one that makes no sense above this SVID.
    func load<Note>(
        node: SPIFFEID, bundle: TrustBundle, now: Int64, _ parse: (Substring, X509SVID) -> (name: String, note: Note)?
    ) throws(NodeStateError) -> (found: [Found<Note>], refusals: [Refusal]) {
        var found: [Found<Note>] = []
        var refusals: [Refusal] = []
        let verifier = SVIDVerifier(bundle: bundle)
        for path in try paths() {
            guard let contents = read(path, &refusals) else {
                try remove(path: path)
                continue
            }
            guard let key = contents.key else { throw .sealed(path: path) }
            do throws(Refusal) {
                let svid = try verify(contents.chain, key, verifier, now: now, path: path)
                guard let (name, note) = parse(contents.note, svid.svid), path == self.path(of: name) else {
                    throw Refusal(path: path, reason: "\(path) does not say whose it is")
                }
                guard let identity = svid.svid.identity(ofWorkloadOn: node) else {
                    throw Refusal(path: path, reason: "\(path) holds no identity of a workload on this node")
                }
                found.append(Found(note: note, svid: svid, identity: identity))
            } catch {
                try remove(path: path)
                refusals.append(error)
                continue
            }
            if seal != nil, !contents.isSealed, let svid = found.last?.svid {
                try write(svid, String(contents.note), path)
            }
        }
        return (found, refusals)
    }

    private func paths() throws(NodeStateError) -> [String] {
        do throws(SystemError) {
            return try PrivateDirectory.names(in: directory).filter { $0.hasSuffix(Self.suffix) }.map {
                directory + "/" + $0
            }
        } catch {
            throw .file(error)
        }
    }

    private func read(_ path: String, _ refusals: inout [Refusal]) -> IdentityFile.Contents? {
        do throws(NodeStateError) { return try IdentityFile(path: path, seal: seal).read() } catch {
            refusals.append(Refusal(path: path, reason: "\(error)"))
            return nil
        }
    }

    private func verify(
        _ chain: [Certificate], _ key: PrivateKey, _ verifier: SVIDVerifier, now: Int64, path: String
    ) throws(Refusal) -> KeyedSVID {
        do throws(SVIDRejection) {
            return try KeyedSVID(svid: verifier.verify(saved: chain, at: now), key: key)
        } catch {
            throw Refusal(path: path, reason: "\(path) cannot be used: \(error)")
        }
    }

    // MARK: Writing

    /// - Parameter note: whole lines without the marks of PEM.
    func save(_ svid: KeyedSVID, of name: String, note: String) throws(NodeStateError) {
        try write(svid, note, path(of: name))
    }

    private func write(_ svid: KeyedSVID, _ note: String, _ path: String) throws(NodeStateError) {
        try IdentityFile(path: path, seal: seal).write(svid, note: note, isLasting: isLasting)
    }

    func remove(_ name: String) throws(NodeStateError) { try remove(path: path(of: name)) }

    /// What was removed stays so from now on, whatever happens to the machine.
    func sync() throws(NodeStateError) {
        do throws(SystemError) { try AtomicFile.syncDirectory(of: directory + "/.") } catch { throw .file(error) }
    }

    /// Removes all.
    func clear() throws(NodeStateError) {
        for path in try paths() { try remove(path: path) }
    }

    private func remove(path: String) throws(NodeStateError) {
        do throws(SystemError) { try AtomicFile.remove(path, isLasting: isLasting) } catch { throw .file(error) }
    }

    private func path(of name: String) -> String {
        let digest = SHA256Digest.hash(Array(name.utf8))
        return "\(directory)/\(digest.map { String(format: "%02x", $0) }.joined())\(Self.suffix)"
    }

    private static let suffix = ".pem"
}
