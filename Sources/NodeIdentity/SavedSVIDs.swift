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

    /// A file and what it holds, or why that cannot be said.
    struct Opened {
        let path: String
        fileprivate let contents: Result<(contents: IdentityFile.Contents, key: PrivateKey), Refusal>
    }

    /// What an earlier run left. Changes nothing. Throws for what is sealed by something else.
    func open() throws(NodeStateError) -> [Opened] {
        try paths().map { (path) throws(NodeStateError) in
            let contents: IdentityFile.Contents
            do throws(NodeStateError) { contents = try IdentityFile(path: path, seal: seal).read() } catch {
                return Opened(path: path, contents: .failure(Refusal(path: path, reason: "\(error)")))
            }
            guard let key = contents.key else { throw .sealed(path: path) }
            return Opened(path: path, contents: .success((contents, key)))
        }
    }

    /// What of that still is an SVID of a workload on `node`. The rest is deleted. What is not sealed yet, and is to be, is sealed.
    ///
    /// - Parameter parse: what a note says, and the name of whom it says it; nil for one that makes no sense above this SVID.
    func load<Note>(
        _ opened: [Opened], node: SPIFFEID, bundle: TrustBundle, now: Int64,
        _ parse: (Substring, X509SVID) -> (name: String, note: Note)?
    ) throws(NodeStateError) -> (found: [Found<Note>], refusals: [Refusal]) {
        var found: [Found<Note>] = []
        var refusals: [Refusal] = []
        var unsealed: [(path: String, note: Substring, svid: KeyedSVID)] = []
        let verifier = SVIDVerifier(bundle: bundle)
        for opened in opened {
            let path = opened.path
            do throws(Refusal) {
                let (contents, key) = try opened.contents.get()
                let svid = try verify(contents.chain, key, verifier, now: now, path: path)
                guard let (name, note) = parse(contents.note, svid.svid), path == self.path(of: name) else {
                    throw Refusal(path: path, reason: "\(path) does not say whose it is")
                }
                guard let identity = svid.svid.identity(ofWorkloadOn: node) else {
                    throw Refusal(path: path, reason: "\(path) holds no identity of a workload on this node")
                }
                found.append(Found(note: note, svid: svid, identity: identity))
                if seal != nil, !contents.isSealed { unsealed.append((path, contents.note, svid)) }
            } catch {
                try remove(path: path, isLasting: isLasting)
                refusals.append(error)
            }
        }
        for (path, note, svid) in unsealed { try write(svid, String(note), path) }
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

    private func verify(
        _ chain: [Certificate], _ key: PrivateKey, _ verifier: SVIDVerifier, now: Int64, path: String
    ) throws(Refusal) -> KeyedSVID {
        do throws(SVIDRejection) {
            return try KeyedSVID(svid: verifier.verify(issued: chain, at: now), key: key)
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

    func remove(_ name: String) throws(NodeStateError) { try remove(path: path(of: name), isLasting: isLasting) }

    /// What was removed stays so from now on, whatever happens to the machine.
    func sync() throws(NodeStateError) {
        do throws(SystemError) { try AtomicFile.syncDirectory(of: directory + "/.") } catch { throw .file(error) }
    }

    /// Removes all, for good.
    func clear() throws(NodeStateError) {
        var failure: NodeStateError?
        for path in try paths() {
            do throws(NodeStateError) { try remove(path: path, isLasting: false) } catch { failure = error }
        }
        try sync()
        if let failure { throw failure }
    }

    private func remove(path: String, isLasting: Bool) throws(NodeStateError) {
        do throws(SystemError) { try AtomicFile.remove(path, isLasting: isLasting) } catch { throw .file(error) }
    }

    private func path(of name: String) -> String {
        let digest = SHA256Digest.hash(Array(name.utf8))
        return "\(directory)/\(digest.map { String(format: "%02x", $0) }.joined())\(Self.suffix)"
    }

    private static let suffix = ".pem"
}
