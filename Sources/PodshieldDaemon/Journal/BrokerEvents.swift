import Telemetry
import WorkloadAPI

extension Event {
    init(_ event: BrokerEvent) {
        self =
            switch event {
            case .refused(let peer, let reason): .brokerRefused(peer: peer, reason: reason)
            case .flood(let source):
                .brokerRefused(peer: source, reason: "too many connections; more are closed unheard")
            case .denied(let broker, let reason): .brokerDenied(spiffeID: "\(broker)", reason: reason)
            case .ended(let broker, let reason): .brokerEnded(spiffeID: "\(broker)", reason: reason)
            case .served(let broker, let workload, let identities, let call):
                .brokerServed(
                    spiffeID: "\(broker)", workload: workload, identities: identities.map { "\($0)" }, call: call)
            }
    }
}
