import AdminAPI
import Datapath

extension Podshield_Admin_V1_DatapathShowResponse {
    init(_ snapshot: DatapathSnapshot, _ names: NameTable) {
        self.init()
        programs = snapshot.programs.map { Podshield_Admin_V1_DatapathProgram($0, names) }
        maps = snapshot.maps.map(Podshield_Admin_V1_DatapathMap.init)
        associations = snapshot.securityAssociations.map(Podshield_Admin_V1_DatapathAssociation.init)
        pods = snapshot.pods.map(Podshield_Admin_V1_DatapathPod.init)
        peers = snapshot.peers.map(Podshield_Admin_V1_DatapathPeer.init)
        remotes = snapshot.remotes.map(Podshield_Admin_V1_DatapathRemote.init)
        protected = snapshot.protected
        counters = snapshot.counters.map(Podshield_Admin_V1_DatapathCounter.init)
        eventsLost = snapshot.eventsLost
        eventsLimited = snapshot.eventsLimited
    }
}

extension Podshield_Admin_V1_DatapathProgram {
    fileprivate init(_ program: DatapathSnapshot.Program, _ names: NameTable) {
        self.init()
        name = program.name
        id = program.id
        tag = program.tag
        verifiedInstructions = program.verifiedInstructions
        attachments = program.attachments.map { attachment in
            var message = Podshield_Admin_V1_DatapathAttachment()
            message.ifindex = attachment.interface
            message.interface = names.device(attachment.interface) ?? ""
            message.direction = attachment.direction
            message.kind = attachment.kind
            return message
        }
    }
}

extension Podshield_Admin_V1_DatapathMap {
    fileprivate init(_ map: DatapathSnapshot.Map) {
        self.init()
        name = map.name
        id = map.id
        if let count = map.entries { entries = UInt64(count) }
        maxEntries = UInt64(map.maxEntries)
    }
}

extension Podshield_Admin_V1_DatapathAssociation {
    fileprivate init(_ association: DatapathSnapshot.SA) {
        self.init()
        inbound = association.direction == .inbound
        spi = association.spi
        slot = association.slot
        peer = association.peer
        identity = association.identity
        sequence = association.sequence
        packets = association.packets
        bytes = association.bytes
        lastUsed = association.lastUsed
        deadline = association.deadline
    }
}

extension Podshield_Admin_V1_DatapathPod {
    fileprivate init(_ pod: DatapathSnapshot.Pod) {
        self.init()
        ifindex = pod.interface
        identity = pod.identity
        mac = pod.mac
        mtu = UInt32(pod.mtu)
        addresses = pod.addresses
    }
}

extension Podshield_Admin_V1_DatapathPeer {
    fileprivate init(_ peer: DatapathSnapshot.Peer) {
        self.init()
        node = peer.node
        address = peer.address
        local = peer.local
        port = UInt32(peer.port)
        mtu = UInt32(peer.mtu)
    }
}

extension Podshield_Admin_V1_DatapathRemote {
    fileprivate init(_ remote: DatapathSnapshot.Remote) {
        self.init()
        address = remote.address
        peer = remote.peer
        identity = remote.identity
    }
}

extension Podshield_Admin_V1_DatapathCounter {
    fileprivate init(_ counter: OutcomeCounter) {
        self.init()
        reason = counter.outcome.name
        verdict = counter.outcome.isDrop ? .dropped : .forwarded
        packets = counter.packets
        bytes = counter.bytes
    }
}
