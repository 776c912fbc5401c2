internal import AuthorityAPI
internal import Foundation
internal import Identity
internal import LinuxBinding
internal import OpenSSLBinding

/// Pods' SVIDs and keys on disk, so that they survive a restart: one file a pod, named by a digest because the names of a
/// namespace and a pod together may be longer than a file's.
struct WorkloadFiles: Sendable {
    let directory: String

    /// Why one of the files is of no use.
    struct Refusal: Sendable, Equatable {
        let path: String
        let reason: String
    }

    func prepare() throws(NodeStateError) { try NodeStateFiles.prepare(directory) }

    // MARK: Reading

    /// What an earlier run left and what still is an SVID of a pod on `node`. The rest is deleted.
    func load(
        node: SPIFFEID, bundle: TrustBundle, now: Int64
    ) throws(NodeStateError) -> (workloads: [IssuedWorkload], refusals: [Refusal]) {
        var workloads: [IssuedWorkload] = []
        var refusals: [Refusal] = []
        for path in try paths() {
            do throws(WorkloadRefused) {
                workloads.append(try Self.load(path, node: node, bundle: bundle, now: now))
            } catch {
                try remove(path)
                refusals.append(Refusal(path: path, reason: error.reason))
            }
        }
        return (workloads, refusals)
    }

    /// Removes all.
    func clear() throws(NodeStateError) {
        for path in try paths() { try remove(path) }
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

    private struct WorkloadRefused: Error {
        let reason: String
    }

    private static func load(
        _ path: String, node: SPIFFEID, bundle: TrustBundle, now: Int64
    ) throws(WorkloadRefused) -> IssuedWorkload {
        let contents: IdentityFile.Contents
        do throws(NodeStateError) {
            contents = try IdentityFile(path: path).read()
        } catch {
            throw WorkloadRefused(reason: "\(error)")
        }
        guard let note = WorkloadNote(text: contents.note), let parsed = note.parsed,
            path.hasSuffix("/" + Self.name(of: parsed.pod.podName))
        else { throw WorkloadRefused(reason: "\(path) does not say which pod it belongs to") }
        let svid = try verify(contents, bundle, now: now, path: path)
        guard let identity = svid.svid.identity(ofWorkloadOn: node) else {
            throw WorkloadRefused(reason: "\(path) holds no identity of a workload on this node")
        }
        return IssuedWorkload(
            pod: parsed.pod, svid: svid, identity: identity, labels: parsed.labels, federatesWith: parsed.federatesWith)
    }

    private static func verify(
        _ contents: IdentityFile.Contents, _ bundle: TrustBundle, now: Int64, path: String
    ) throws(WorkloadRefused) -> KeyedSVID {
        do throws(SVIDRejection) {
            let svid = try SVIDVerifier(bundle: bundle).verify(saved: contents.chain, at: now)
            return try KeyedSVID(svid: svid, key: contents.key)
        } catch {
            throw WorkloadRefused(reason: "\(path) cannot be used: \(error)")
        }
    }

    // MARK: Writing

    func save(_ workload: IssuedWorkload) throws(NodeStateError) {
        try IdentityFile(path: path(of: workload.pod.podName)).write(
            workload.svid, note: WorkloadNote(workload).text)
    }

    func remove(_ name: PodName) throws(NodeStateError) {
        try remove(path(of: name))
    }

    private func remove(_ path: String) throws(NodeStateError) {
        do throws(SystemError) {
            try AtomicFile.remove(path)
        } catch {
            throw .file(error)
        }
    }

    private func path(of name: PodName) -> String { directory + "/" + Self.name(of: name) }

    private static func name(of pod: PodName) -> String {
        // No name has a slash.
        let digest = SHA256Digest.hash(Array("\(pod.namespace)/\(pod.name)".utf8))
        return digest.map { String(format: "%02x", $0) }.joined() + suffix
    }

    private static let suffix = ".pem"
}

/// One line of JSON above the certificates: what they do not say.
private struct WorkloadNote: Codable {
    let namespace: String
    let serviceAccount: String
    let name: String
    let labels: [String: String]
    let policyLabels: [String: String]
    /// Nil in files of the version before.
    let federatesWith: [String]?
    /// Nil where it is not known, and in files of the version before.
    let uid: String?

    init(_ workload: IssuedWorkload) {
        namespace = workload.pod.namespace
        serviceAccount = workload.pod.serviceAccount
        name = workload.pod.name
        labels = workload.pod.labels
        policyLabels = workload.labels
        federatesWith = workload.federatesWith.map(\.name).sorted()
        uid = workload.pod.uid?.text
    }

    /// JSON has no line feed of its own; names and labels are too plain for the marks of PEM.
    var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) + "\n" } ?? ""
    }

    init?(text: Substring) {
        guard let note = try? JSONDecoder().decode(Self.self, from: Data(text.utf8)) else { return nil }
        self = note
    }

    /// Nil unless all of it is within the limits of what it is.
    var parsed: (pod: PodFacts, labels: [String: String], federatesWith: Set<TrustDomain>)? {
        let known = uid.flatMap(PodUID.init)
        guard (known == nil) == (uid == nil),
            let pod = try? PodFacts(
                namespace: namespace, serviceAccount: serviceAccount, name: name, labels: labels, uid: known),
            let policyLabels = try? PolicyLabels(policyLabels)
        else { return nil }
        return (pod, policyLabels.values, Set((federatesWith ?? []).compactMap { try? TrustDomain($0) }))
    }
}

extension X509SVID {
    /// The number of a workload that the authority put on that node; nil for any other SVID.
    func identity(ofWorkloadOn node: SPIFFEID) -> NumericIdentity? {
        guard id.kind == .workload, let binding, binding.node == node else { return nil }
        return binding.identity
    }
}
