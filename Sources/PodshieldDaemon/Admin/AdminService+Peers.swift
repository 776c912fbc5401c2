import Addressing
import AdminAPI
import Datapath
import GRPCCore
import Identity
import KeyAgreement
import NodeIdentity
import NodeLink
import PrintableText

extension AdminService {
    func peers(
        request: ServerRequest<Podshield_Admin_V1_PeersRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_PeersResponse> {
        let parts = try requireNode().parts
        let usage = AssociationUsage(try await parts.datapath.snapshot())
        var answer = Podshield_Admin_V1_PeersResponse()
        answer.peers = await parts.link.peers().map { Podshield_Admin_V1_Peer($0, parts.names, usage) }
        return ServerResponse(message: answer)
    }

    func rekey(
        request: ServerRequest<Podshield_Admin_V1_RekeyRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_RekeyResponse> {
        let parts = try requireNode().parts
        let asked = request.message.peer
        let number = asked.isEmpty ? nil : try await peer(asked, parts)
        var answer = Podshield_Admin_V1_RekeyResponse()
        answer.outcomes = await parts.link.rekey(number).map { outcome in
            Podshield_Admin_V1_RekeyOutcome(outcome, name: parts.names.nodeName(outcome.node))
        }
        return ServerResponse(message: answer)
    }

    private func peer(_ name: String, _ parts: NodeParts) async throws(AdminError) -> NodeNumber {
        let own = await parts.identity.status().membership?.number
        let others = try await directory().nodes.filter { $0.number.rawValue != own }
        return try Self.find(name, among: others).number
    }
}

extension Podshield_Admin_V1_RekeyOutcome {
    fileprivate init(_ outcome: RekeyOutcome, name: String) {
        self.init()
        peer = name
        switch outcome.result {
        case .success(let epoch): self.epoch = epoch.bytes.hexadecimal
        case .failure(let failure): error = "\(failure)"
        }
    }
}

/// What SAs have carried, by whose and which.
private struct AssociationUsage {
    struct Key: Hashable {
        let isInbound: Bool
        let peer: UInt32
        let spi: UInt32
    }

    private let associations: [Key: DatapathSnapshot.SA]

    init(_ snapshot: DatapathSnapshot) {
        let keyed = snapshot.securityAssociations.map {
            (Key(isInbound: $0.direction == .inbound, peer: $0.peer, spi: $0.spi), $0)
        }
        associations = Dictionary(keyed) { $1 }
    }

    subscript(_ key: Key) -> DatapathSnapshot.SA? { associations[key] }
}

extension Podshield_Admin_V1_Peer {
    fileprivate init(_ peer: PeerStatus, _ names: NameTable, _ usage: AssociationUsage) {
        self.init()
        name = peer.id.lastSegment
        spiffeID = "\(peer.id)"
        number = peer.node.rawValue
        address = "\(peer.address)"
        espPort = UInt32(names.node(peer.node)?.espPort ?? 0)
        state = Podshield_Admin_V1_PeerState(peer.state)
        associations = peer.associations.map { association in
            Podshield_Admin_V1_SecurityAssociation(association, peer.node, names, usage)
        }
        lastError = peer.lastError ?? ""
        guard let epoch = peer.epoch else { return }
        self.epoch = epoch.id.bytes.hexadecimal
        epochStartedAt = WallClock.seconds(ofBoot: epoch.confirmed)
        epochEndsAt = WallClock.seconds(ofBoot: epoch.rekey)
        suite = "\(epoch.suite)"
        tlsGroup = epoch.tlsGroup
        postQuantum = epoch.postQuantum == .mlkem768
    }
}

extension Podshield_Admin_V1_SecurityAssociation {
    fileprivate init(
        _ association: PeerStatus.Association, _ peer: NodeNumber, _ names: NameTable, _ usage: AssociationUsage
    ) {
        self.init()
        inbound = association.direction == .inbound
        spi = association.spi.rawValue
        identity = association.identity.rawValue
        spiffeID = names.workload(association.identity)?.description ?? ""
        deadline = WallClock.seconds(ofBoot: association.deadline)
        let used = usage[AssociationUsage.Key(isInbound: inbound, peer: peer.rawValue, spi: spi)]
        packets = used?.packets ?? 0
        bytes = used?.bytes ?? 0
    }
}

extension Podshield_Admin_V1_PeerState {
    fileprivate init(_ state: PeerStatus.State) {
        switch state {
        case .idle: self = .idle
        case .connecting: self = .connecting
        case .established: self = .established
        case .lost: self = .lost
        }
    }
}
