import Addressing
import AdminAPI
import Authority
import Configuration
import Datapath
import GRPCCore
import Identity
import KeyAgreement
import NodeIdentity
import NodeLink

extension AdminService {
    func status(
        request: ServerRequest<Podshield_Admin_V1_StatusRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_StatusResponse> {
        let state = daemon.state.current
        var answer = Podshield_Admin_V1_StatusResponse()
        answer.version = PodshieldVersion.text
        answer.instance = daemon.configuration.instance
        answer.role = Podshield_Admin_V1_Role(daemon.configuration.role)
        answer.trustDomain = daemon.configuration.trustDomain.name
        answer.startedAt = state.startedAt
        answer.ready = state.isReady
        answer.findings = await Findings(daemon: daemon, authority: authority, node: node).all()
        if let node {
            answer.node = await nodeStatus(node)
            answer.datapath = try await datapathStatus(node, isPermissive: state.isPermissive)
        }
        if let authority { answer.authority = try await authorityStatus(authority) }
        return ServerResponse(message: answer)
    }

    private func nodeStatus(_ node: NodeRole) async -> Podshield_Admin_V1_NodeStatus {
        let identity = await node.parts.identity.status()
        let peers = await node.parts.link.peers()
        var status = Podshield_Admin_V1_NodeStatus()
        status.spiffeID = identity.svid.map { "\($0.id)" } ?? ""
        status.number = identity.membership?.number ?? 0
        status.address = "\(node.settings.address)"
        status.linkPort = UInt32(node.settings.linkPort)
        status.espPort = UInt32(node.settings.espPort)
        status.svidNotBefore = identity.svid?.notBefore ?? 0
        status.svidNotAfter = identity.svid?.notAfter ?? 0
        let authorities = authority == nil ? daemon.configuration.join?.authorities ?? [] : []
        status.authorityAddress = authorities.map(\.description).joined(separator: ", ")
        status.authorityConnected = identity.isConnected
        status.authorityLastContact = identity.lastContact ?? 0
        status.directoryRevision = identity.directoryRevision ?? 0
        status.pods = UInt32(await node.pods.list().count)
        status.peers = UInt32(peers.count)
        status.peersConnected = UInt32(peers.count { $0.state == .established })
        return status
    }

    private func datapathStatus(
        _ node: NodeRole, isPermissive: Bool
    ) async throws -> Podshield_Admin_V1_DatapathStatus {
        let datapath = node.parts.datapath
        let counters = try await datapath.counters()
        let lost = try await datapath.kernelEventsLost()
        var status = Podshield_Admin_V1_DatapathStatus()
        status.permissive = isPermissive
        status.uplinks = await node.parts.uplinks.names
        status.attachment = try await datapath.attachedHow()?.rawValue ?? ""
        status.protected = try await datapath.protected().map(\.description).sorted()
        status.packetsSealed = counters.packets { $0 == .sealed }
        status.packetsOpened = counters.packets { $0 == .opened }
        status.packetsDropped = counters.packets { $0.isDrop }
        status.eventsLost = lost.ringFull + datapath.eventsDropped
        return status
    }

    private func authorityStatus(_ role: AuthorityRole) async throws -> Podshield_Admin_V1_AuthorityStatus {
        let service = role.service
        var status = Podshield_Admin_V1_AuthorityStatus()
        status.spiffeID = "\(service.id)"
        status.listenAddress = "\(Endpoint(service.settings.listenAddress, port: role.port))"
        status.rootFingerprint = service.rootFingerprint
        status.caNotAfter = service.caNotAfter
        let extent = try await service.extent()
        status.entries = UInt32(extent.entries)
        status.nodes = UInt32(extent.nodes)
        status.directoryRevision = extent.revision
        return status
    }
}

extension [OutcomeCounter] {
    fileprivate func packets(of outcome: (PacketOutcome) -> Bool) -> UInt64 {
        filter { outcome($0.outcome) }.reduce(0) { $0 &+ $1.packets }
    }
}

extension Podshield_Admin_V1_Role {
    fileprivate init(_ role: PodshieldConfiguration.Role) {
        switch role {
        case .standalone: self = .standalone
        case .authority: self = .authority
        case .node: self = .node
        }
    }
}
