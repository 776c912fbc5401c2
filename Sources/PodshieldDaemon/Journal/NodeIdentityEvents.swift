import AuthorityAPI
import Identity
import NodeIdentity
import OpenSSLBinding
import PrintableText
import Telemetry

extension Event {
    init(_ event: NodeIdentityEvent) {
        switch event {
        case .joined(let id, let number): self = .nodeJoined(spiffeID: "\(id)", number: number.rawValue)
        case .identityExpired(let notAfter): self = .nodeIdentityExpired(notAfter: notAfter)
        case .connected(let address): self = .authorityConnected(address: address)
        case .disconnected(let reason): self = .authorityDisconnected(reason: reason)
        case .shutOut(let exclusion): self = .nodeShutOut(reason: exclusion.reason)
        case .letIn: self = .nodeLetIn()
        case .nodeRenewed(let svid):
            self = .nodeSVIDRenewed(spiffeID: "\(svid.id)", serial: svid.leaf.serialHex, notAfter: svid.notAfter)
        case .nodeRenewalFailed(let error, let notAfter):
            self = .nodeSVIDRenewalFailed(reason: "\(error)", notAfter: notAfter)
        case .workloadIssued(let issued): self = Event(issued)
        case .workloadNotRestored(let path, let reason): self = .stateNotUsed(path: path, reason: reason)
        case .workloadRenewalFailed(let pod, let error, let notAfter):
            self = .podSVIDRenewalFailed(
                pod: pod.name, namespace: pod.namespace, reason: "\(error)", notAfter: notAfter)
        case .entrySVIDIssued(let entry, let svid):
            self = .workloadSVIDReceived(
                entry: entry.id, spiffeID: "\(svid.id)", serial: svid.leaf.serialHex, notAfter: svid.notAfter)
        case .entrySVIDFailed(let entry, let error):
            self = .workloadSVIDFailed(entry: entry.id, spiffeID: "\(entry.spiffeID)", reason: "\(error)")
        case .directoryAccepted(let revision): self = .directoryAccepted(revision: revision)
        case .directoryRefused(let rejection): self = .directoryRefused(reason: "\(rejection)")
        case .bundleChanged(let bundle):
            self = .bundleChanged(fingerprints: bundle.authorities.map { $0.sha256.hexadecimal })
        case .revocationsChanged(let bundle):
            let list = bundle.revocations.first
            self = .revocationsChanged(number: list?.number ?? 0, count: list?.serials.count ?? 0)
        case .workloadRevoked(let issued):
            let svid = issued.svid.svid
            self = .podSVIDRevoked(
                pod: issued.pod.name, namespace: issued.pod.namespace, spiffeID: "\(svid.id)",
                serial: svid.leaf.serialHex)
        case .leasesRefused(let prefixes): self = .ownLeasesRefused(prefixes: prefixes)
        case .clockSkewed(let seconds): self = .clockSkewed(seconds: seconds)
        case .stateNotSaved(let error): self = .stateNotSaved(reason: "\(error)")
        }
    }

    private init(_ issued: IssuedWorkload) {
        let svid = issued.svid.svid
        self = .podSVIDReceived(
            pod: issued.pod.name, namespace: issued.pod.namespace, spiffeID: "\(svid.id)",
            identity: issued.identity.rawValue, serial: svid.leaf.serialHex, notAfter: svid.notAfter)
    }
}
