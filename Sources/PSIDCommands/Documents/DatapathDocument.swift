import AdminAPI

/// `psid datapath show -o json`: what the kernel holds. Never a key.
struct DatapathDocument: Encodable {
    let programs: [Program]
    let maps: [Map]
    let associations: [Association]
    let pods: [Pod]
    let peers: [Peer]
    let remotes: [Remote]
    let protected: [String]
    let counters: [Counter]
    let eventsLost: UInt64
    let eventsLimited: UInt64

    struct Program: Encodable {
        let name: String
        let id: UInt32
        let tag: String
        let verifiedInstructions: UInt32
        let attachments: [Attachment]
    }

    struct Attachment: Encodable {
        let ifindex: UInt32
        let interface: String?
        let direction: String
        let kind: String
    }

    struct Map: Encodable {
        let name: String
        let id: UInt32
        let entries: UInt64?
        let maxEntries: UInt64
    }

    struct Association: Encodable {
        let direction: String
        let spi: UInt32
        let slot: UInt32
        let peer: UInt32
        let identity: UInt32
        let sequence: UInt64
        let packets: UInt64
        let bytes: UInt64
        /// Nanoseconds of CLOCK_BOOTTIME, as is the deadline.
        let lastUsed: UInt64?
        let deadline: UInt64
    }

    struct Pod: Encodable {
        let ifindex: UInt32
        let identity: UInt32
        let mac: String
        let mtu: UInt32
        let addresses: [String]
    }

    struct Peer: Encodable {
        let node: UInt32
        let address: String
        let local: String
        let port: UInt32
        let mtu: UInt32
    }

    struct Remote: Encodable {
        let address: String
        let peer: UInt32
        let identity: UInt32
    }

    struct Counter: Encodable {
        let reason: String
        let verdict: String
        let packets: UInt64
        let bytes: UInt64
    }
}

extension DatapathDocument {
    init(_ response: Podshield_Admin_V1_DatapathShowResponse) {
        programs = response.programs.map(Program.init)
        maps = response.maps.map { map in
            Map(name: map.name, id: map.id, entries: map.hasEntries ? map.entries : nil, maxEntries: map.maxEntries)
        }
        associations = response.associations.map(Association.init)
        pods = response.pods.map { pod in
            Pod(ifindex: pod.ifindex, identity: pod.identity, mac: pod.mac, mtu: pod.mtu, addresses: pod.addresses)
        }
        peers = response.peers.map { peer in
            Peer(node: peer.node, address: peer.address, local: peer.local, port: peer.port, mtu: peer.mtu)
        }
        remotes = response.remotes.map { remote in
            Remote(
                address: remote.address, peer: remote.peer, identity: remote.identity)
        }
        protected = response.protected
        counters = response.counters.map { counter in
            Counter(
                reason: counter.reason, verdict: counter.verdict.word, packets: counter.packets, bytes: counter.bytes)
        }
        eventsLost = response.eventsLost
        eventsLimited = response.eventsLimited
    }
}

extension DatapathDocument.Program {
    fileprivate init(_ program: Podshield_Admin_V1_DatapathProgram) {
        name = program.name
        id = program.id
        tag = program.tag
        verifiedInstructions = program.verifiedInstructions
        attachments = program.attachments.map { attachment in
            DatapathDocument.Attachment(
                ifindex: attachment.ifindex, interface: attachment.interface.known, direction: attachment.direction,
                kind: attachment.kind)
        }
    }
}

extension DatapathDocument.Association {
    fileprivate init(_ association: Podshield_Admin_V1_DatapathAssociation) {
        direction = association.inbound ? "inbound" : "outbound"
        spi = association.spi
        slot = association.slot
        peer = association.peer
        identity = association.identity
        sequence = association.sequence
        packets = association.packets
        bytes = association.bytes
        lastUsed = association.lastUsed.known
        deadline = association.deadline
    }
}
