import AdminAPI
import Telemetry

extension Podshield_Admin_V1_Event {
    init(_ recorded: RecordedEvent) {
        self.init()
        let event = recorded.event
        time = recorded.time
        code = event.kind.code
        kind = event.kind.rawValue
        priority = UInt32(event.kind.priority.rawValue)
        message = event.message
        for (field, value) in event.fields { fields[field.rawValue] = value }
        if let packet = event.packet { self.packet = Podshield_Admin_V1_Packet(packet) }
    }
}

extension Podshield_Admin_V1_Packet {
    fileprivate init(_ packet: PacketReport) {
        self.init()
        verdict = packet.isDropped ? .dropped : .forwarded
        reason = packet.reason
        hook = packet.hook
        interface = packet.interface
        source = packet.source
        sourcePort = UInt32(packet.sourcePort)
        destination = packet.destination
        destinationPort = UInt32(packet.destinationPort)
        `protocol` = UInt32(packet.transport)
        length = UInt32(packet.length)
        sourceIdentity = packet.sourceIdentity
        destinationIdentity = packet.destinationIdentity
        sourceSpiffeID = packet.sourceSPIFFEID
        destinationSpiffeID = packet.destinationSPIFFEID
        peer = packet.peer
        spi = packet.spi
        sequence = packet.sequence
        pod = packet.pod
        error = packet.helperError
    }
}
