internal import AuthorityAPI
internal import Foundation
internal import Identity
internal import OpenSSLBinding

/// Pods' SVIDs on disk.
struct WorkloadFiles: Sendable {
    private let files: SavedSVIDs

    init(directory: String, seal: SecretBytes?) {
        files = SavedSVIDs(directory: directory, seal: seal, isLasting: true)
    }

    func prepare() throws(NodeStateError) { try files.prepare() }

    /// What an earlier run left, which has to be opened before anything is changed.
    func open() throws(NodeStateError) -> [SavedSVIDs.Opened] { try files.open() }

    /// What of that still is an SVID of a pod on `node`. The rest is deleted.
    func load(
        _ opened: [SavedSVIDs.Opened], node: SPIFFEID, bundle: TrustBundle, now: Int64
    ) throws(NodeStateError) -> (workloads: [IssuedWorkload], refusals: [SavedSVIDs.Refusal]) {
        let (found, refusals) = try files.load(opened, node: node, bundle: bundle, now: now) { text, _ in
            WorkloadNote(text: text)?.parsed.map { (Self.name($0.pod.podName), $0) }
        }
        let workloads = found.map { found in
            IssuedWorkload(
                pod: found.note.pod, svid: found.svid, identity: found.identity, labels: found.note.labels,
                federatesWith: found.note.federatesWith)
        }
        return (workloads, refusals)
    }

    func save(_ workload: IssuedWorkload) throws(NodeStateError) {
        try files.save(workload.svid, of: Self.name(workload.pod.podName), note: WorkloadNote(workload).text)
    }

    func remove(_ name: PodName) throws(NodeStateError) { try files.remove(Self.name(name)) }

    /// Removes all, for good.
    func clear() throws(NodeStateError) { try files.clear() }

    /// No name has a slash.
    private static func name(_ pod: PodName) -> String { "\(pod.namespace)/\(pod.name)" }
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
