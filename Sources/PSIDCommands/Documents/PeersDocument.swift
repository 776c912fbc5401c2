import AdminAPI

/// `psid peers -o json`.
struct PeersDocument: Encodable {
    let peers: [Peer]

    struct Peer: Encodable {
        let name: String
        let spiffeID: String
        let number: UInt32
        let address: String
        let espPort: UInt32
        /// `idle`, `connecting`, `established` or `lost`.
        let state: String
        let epoch: String?
        let epochStartedAt: Timestamp?
        let epochEndsAt: Timestamp?
        let suite: String?
        /// Of the link's TLS.
        let group: String?
        let postQuantum: Bool
        let associations: [Association]
        let lastError: String?
    }

    struct Association: Encodable {
        /// `inbound` or `outbound`.
        let direction: String
        let spi: UInt32
        let identity: UInt32
        let spiffeID: String?
        let deadline: Timestamp?
        let packets: UInt64
        let bytes: UInt64
    }
}

/// `psid peers rekey -o json`.
struct RekeyDocument: Encodable {
    let outcomes: [Outcome]

    struct Outcome: Encodable {
        let peer: String
        let epoch: String?
        let error: String?
    }
}

extension PeersDocument {
    init(_ response: Podshield_Admin_V1_PeersResponse) { peers = response.peers.map(Peer.init) }
}

extension PeersDocument.Peer {
    init(_ peer: Podshield_Admin_V1_Peer) {
        name = peer.name
        spiffeID = peer.spiffeID
        number = peer.number
        address = peer.address
        espPort = peer.espPort
        state = peer.state.word
        epoch = peer.epoch.known
        epochStartedAt = Timestamp(unix: peer.epochStartedAt)
        epochEndsAt = Timestamp(unix: peer.epochEndsAt)
        suite = peer.suite.known
        group = peer.tlsGroup.known
        postQuantum = peer.postQuantum
        associations = peer.associations.map(PeersDocument.Association.init)
        lastError = peer.lastError.known
    }
}

extension PeersDocument.Association {
    init(_ association: Podshield_Admin_V1_SecurityAssociation) {
        direction = association.inbound ? "inbound" : "outbound"
        spi = association.spi
        identity = association.identity
        spiffeID = association.spiffeID.known
        deadline = Timestamp(unix: association.deadline)
        packets = association.packets
        bytes = association.bytes
    }
}

extension RekeyDocument {
    init(_ response: Podshield_Admin_V1_RekeyResponse) {
        outcomes = response.outcomes.map { Outcome(peer: $0.peer, epoch: $0.epoch.known, error: $0.error.known) }
    }
}

extension Podshield_Admin_V1_PeerState {
    fileprivate var word: String {
        switch self {
        case .idle: "idle"
        case .connecting: "connecting"
        case .established: "established"
        case .lost: "lost"
        case .unspecified, .UNRECOGNIZED: "unknown"
        }
    }
}
