package import AdminAPI
package import Telemetry

/// Which events an observer wants.
package struct EventFilter: Sendable {
    private let verdicts: Set<Podshield_Admin_V1_Verdict>
    private let reasons: Set<String>
    private let pod: String

    package init(_ request: Podshield_Admin_V1_ObserveRequest) {
        verdicts = Set(request.verdicts)
        reasons = Set(request.reasons)
        pod = request.pod
    }

    /// A filter lets only packets through, and the word that some were lost.
    package func admits(_ recorded: RecordedEvent) -> Bool {
        if recorded.event.kind == .observationGap { return true }
        guard !verdicts.isEmpty || !reasons.isEmpty || !pod.isEmpty else { return true }
        guard let packet = recorded.event.packet else { return false }
        return (verdicts.isEmpty || verdicts.contains(packet.isDropped ? .dropped : .forwarded))
            && (reasons.isEmpty || reasons.contains(packet.reason)) && (pod.isEmpty || packet.pod == pod)
    }
}
