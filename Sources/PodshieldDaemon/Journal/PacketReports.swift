import Addressing
import Datapath
import Identity
import NodeIdentity
import Telemetry

extension PacketReport {
    /// Names in place of numbers, where they are known now.
    init(_ event: DatapathEvent, _ names: NameTable) {
        self.init(isDropped: event.outcome.isDrop, reason: event.outcome.name, hook: event.hook.name)
        interface = names.device(event.interface) ?? ""
        source = event.source.isNothing ? "" : "\(event.source)"
        sourcePort = event.sourcePort
        destination = event.destination.isNothing ? "" : "\(event.destination)"
        destinationPort = event.destinationPort
        transport = event.transport
        length = event.length
        sourceIdentity = event.sourceIdentity.rawValue
        destinationIdentity = event.destinationIdentity.rawValue
        sourceSPIFFEID = names.workload(event.sourceIdentity)?.description ?? ""
        destinationSPIFFEID = names.workload(event.destinationIdentity)?.description ?? ""
        peer = names.node(event.peer)?.id.lastSegment ?? ""
        spi = event.spi
        sequence = event.sequence
        pod = names.pod(of: event)?.name ?? ""
        helperError = event.helperError
    }
}

extension NameTable {
    fileprivate func pod(of event: DatapathEvent) -> PodName? {
        switch event.hook {
        case .fromPod, .toPod: pod(device: event.interface)
        case .toUplink: pod(address: event.source)
        case .fromUplink: pod(address: event.destination)
        }
    }
}

extension IPAddress {
    /// `::`, which hooks write for what they do not know.
    fileprivate var isNothing: Bool { bytes.allSatisfy { $0 == 0 } }
}
