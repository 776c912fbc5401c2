internal import Addressing
internal import AuthorityAPI
internal import Foundation
internal import Identity
internal import LinkTestSupport
internal import OpenSSLBinding
internal import SwiftProtobuf

/// What nodes and authority read of each other: requests with a pod's facts, an endpoint or prefixes; a directory that is
/// signed and still may be nonsense; entries; the bundle of a node's state.
func fuzzAuthorityMessages(_ input: [UInt8]) {
    guard let kind = input.first else { return }
    let message = Data(input.dropFirst())
    switch kind % 6 {
    case 0: fuzzDirectory(message)
    case 1: _ = try? Podshield_Authority_V1_SignedDirectory(encoded: Array(message)).verified(by: verifier, at: now)
    case 2: fuzzPod(message)
    case 3: fuzzReport(message)
    case 4: fuzzEntries(message)
    default: fuzzLabels(message)
    }
}

private let signer: KeyedSVID = {
    do { return try domain.server() } catch { fatalError("\(error)") }
}()
private let domain: TestDomain = {
    do { return try TestDomain() } catch { fatalError("\(error)") }
}()
private let verifier = SVIDVerifier(bundle: domain.bundle)
private let now = TestDomain.now

/// What is accepted makes sense, and says the same when it is signed and read again.
private func fuzzDirectory(_ message: Data) {
    var signed = Podshield_Authority_V1_SignedDirectory()
    signed.directory = message
    signed.chain = signer.svid.chain.map { Data($0.der) }
    signed.signature = Data(try! signer.key.sign(Array("podshield-directory-v1\0".utf8) + message))
    guard let edition = try? signed.verified(by: verifier, at: now) else { return }
    let directory = edition.directory
    precondition(Set(directory.nodes.map(\.number)).count == directory.nodes.count)
    precondition(directory.nodes.allSatisfy { $0.id.trustDomain == domain.name && !$0.address.isMulticast })
    precondition(directory.workloads.allSatisfy { $0.id.trustDomain == domain.name && $0.number.isWorkload })
    let again = try! Podshield_Authority_V1_SignedDirectory.sign(edition, with: signer)
    precondition(try! again.verified(by: verifier, at: now) == edition)
}

/// No fact can leave its place in a name.
private func fuzzPod(_ message: Data) {
    guard let request = try? Podshield_Authority_V1_IssueWorkloadRequest(serializedBytes: message),
        let pod = try? request.pod.parsed()
    else { return }
    precondition(Podshield_Authority_V1_PodFacts(pod).isEqual(request.pod))
    for fact in [pod.namespace, pod.serviceAccount, pod.name] {
        precondition((try? SPIFFEID(trustDomain: domain.name, path: "/ns/\(fact)"))?.path == "/ns/\(fact)")
    }
    precondition(PolicyLabels(canonical: PolicyLabels(of: pod).canonical) == PolicyLabels(of: pod))
}

private func fuzzReport(_ message: Data) {
    guard let report = try? Podshield_Authority_V1_ReportNodeRequest(serializedBytes: message) else { return }
    if let endpoint = report.endpoint.parsed {
        precondition(endpoint.linkPort > 0 && endpoint.espPort > 0 && !endpoint.address.isMulticast)
    }
    for prefix in report.leases.compactMap(\.parsed) {
        precondition(prefix.contains(prefix.address) && Podshield_Authority_V1_Prefix(prefix).parsed == prefix)
    }
}

/// What is understood of entries says the same when it is told again.
private func fuzzEntries(_ message: Data) {
    guard let list = try? Podshield_Authority_V1_EntryList(serializedBytes: message) else { return }
    let news = list.parsed(in: domain.name)
    precondition(
        news.entries.allSatisfy { $0.entry.spiffeID.trustDomain == domain.name && !$0.entry.selectors.isEmpty })
    precondition(news.since != nil || news.removed.isEmpty)
    let again = Podshield_Authority_V1_EntryList(news).parsed(in: domain.name)
    precondition(again.removed == news.removed && again.entries.map(\.entry) == news.entries.map(\.entry))
    var index = EntryIndex(news.entries)
    var oneByOne = EntryIndex()
    for entry in news.entries { oneByOne.put(entry) }
    precondition(oneByOne == index)
    for entry in news.entries { index.remove(entry.entry.id) }
    precondition(index.isEmpty && index.kinds.isEmpty)
}

private func fuzzLabels(_ text: Data) {
    guard let text = String(validating: text, as: UTF8.self), let labels = PolicyLabels(canonical: text) else { return }
    precondition(labels.canonical == text)
}

extension Podshield_Authority_V1_PodFacts {
    /// In all that we know of it.
    fileprivate func isEqual(_ other: Self) -> Bool {
        namespace == other.namespace && serviceAccount == other.serviceAccount && name == other.name
            && labels == other.labels && uid == other.uid
    }
}
