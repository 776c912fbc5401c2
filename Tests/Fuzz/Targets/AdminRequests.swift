internal import AdminAPI
internal import Authority
internal import AuthorityAPI
internal import Foundation
internal import Identity
internal import NetnsProtocol
internal import PodshieldDaemon
internal import SwiftProtobuf
internal import Telemetry

/// What psid, or whoever has its socket, may ask for: an entry, a pod, events.
func fuzzAdminRequests(_ input: [UInt8]) {
    guard let kind = input.first else { return }
    let message = Data(input.dropFirst())
    switch kind % 3 {
    case 0: fuzzEntry(message)
    case 1: fuzzPodToAdd(message)
    default: fuzzObservation(message)
    }
}

private let trustDomain: TrustDomain = {
    do { return try TrustDomain("example.org") } catch { fatalError("\(error)") }
}()
private let now: Int64 = 1_767_225_600

/// An entry is of our trust domain, one line to whoever lists it, and says the same when it is asked for as it is listed.
private func fuzzEntry(_ message: Data) {
    guard let request = try? Podshield_Admin_V1_EntryCreateRequest(serializedBytes: message) else { return }
    let asked = request.entry
    let fields = [asked.spiffeID, asked.parentID] + asked.selectors + asked.federatesWith
    let entry = accepted(naming: fields) { () throws(AdminError) in
        let wish = try NewEntry(asked)
        do throws(EntryError) { return try wish.checked(in: trustDomain, id: "0a", now: now) } catch {
            throw AdminError(error)
        }
    }
    guard let entry else { return }
    precondition(entry.spiffeID.trustDomain == trustDomain && !entry.spiffeID.path.isEmpty)
    precondition(entry.parent.map { $0.trustDomain == trustDomain } ?? true)
    for id in [entry.spiffeID, entry.parent].compactMap(\.self) { precondition((try? SPIFFEID("\(id)")) == id) }
    precondition(!entry.selectors.isEmpty && entry.selectors.allSatisfy { Selector("\($0)") == $0 })
    precondition(PolicyLabels(canonical: entry.labels.canonical) == entry.labels)
    let listed = Podshield_Admin_V1_Entry(entry)
    for text in [listed.spiffeID, listed.parentID, listed.hint] + listed.dnsNames + listed.selectors {
        precondition(isOneLine(text), "a control character")
    }
    precondition((try? NewEntry(listed).checked(in: trustDomain, id: "0a", now: now)) == entry)
}

/// No fact can leave its place in a name, and no path leads elsewhere.
private func fuzzPodToAdd(_ message: Data) {
    guard let request = try? Podshield_Admin_V1_PodAddRequest(serializedBytes: message) else { return }
    let fields = [request.facts.netns, request.facts.interface, request.facts.uid]
    guard let pod = accepted(naming: fields, { () throws(AdminError) in try PodRequest(request.facts) }) else { return }
    for fact in [pod.facts.namespace, pod.facts.serviceAccount, pod.facts.name] {
        precondition((try? SPIFFEID(trustDomain: trustDomain, path: "/ns/\(fact)"))?.path == "/ns/\(fact)")
    }
    precondition(pod.facts.labels == request.facts.labels)
    precondition(pod.namespace.text == request.facts.netns)
    let segments = pod.namespace.text.split(separator: "/", omittingEmptySubsequences: false)
    precondition(segments.first == "" && segments.allSatisfy { $0 != "." && $0 != ".." }, "a way out")
    precondition(pod.interface.map { isOneLine($0) && !$0.contains("/") } ?? true, "no name of an interface")
}

/// A filter lets through what was asked for, and always the word that something was lost.
private func fuzzObservation(_ message: Data) {
    guard let request = try? Podshield_Admin_V1_ObserveRequest(serializedBytes: message) else { return }
    let filter = EventFilter(request)
    let isFilter = !request.verdicts.isEmpty || !request.reasons.isEmpty || !request.pod.isEmpty
    for recorded in events where recorded.event.kind != .observationGap {
        let isAdmitted = filter.admits(recorded)
        guard let packet = recorded.event.packet else {
            precondition(isAdmitted != isFilter)
            continue
        }
        precondition(isAdmitted || isFilter)
        guard isAdmitted else { continue }
        precondition(request.verdicts.isEmpty || request.verdicts.contains(packet.isDropped ? .dropped : .forwarded))
        precondition(request.reasons.isEmpty || request.reasons.contains(packet.reason))
        precondition(request.pod.isEmpty || request.pod == packet.pod)
    }
    precondition(events.contains { $0.event.kind == .observationGap && filter.admits($0) })
}

private let events: [RecordedEvent] = {
    let telemetry = Telemetry(EventDestination { _ in }, now: { now })
    for (isDropped, reason, pod) in [(true, "replay", ""), (true, "no-session", "web-0"), (false, "sealed", "web-0")] {
        var report = PacketReport(isDropped: isDropped, reason: reason, hook: "from_pod")
        report.pod = pod
        telemetry.record(.packet(report))
    }
    telemetry.record(.ready(role: "node"))
    telemetry.record(.observationGap(lost: 1))
    return telemetry.history(last: 10)
}()
