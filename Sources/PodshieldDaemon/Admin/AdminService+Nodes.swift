import Addressing
import AdminAPI
import Authority
import AuthorityAPI
import GRPCCore
import Identity
import NodeIdentity

extension AdminService {
    func tokenGenerate(
        request: ServerRequest<Podshield_Admin_V1_TokenGenerateRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_TokenGenerateResponse> {
        let service = try requireAuthority()
        let terms = try InvitationTerms(request.message)
        do throws(InvitationError) {
            let made = try await service.generateToken(terms)
            return ServerResponse(message: Podshield_Admin_V1_TokenGenerateResponse(made))
        } catch {
            throw AdminError(error)
        }
    }

    func nodeList(
        request: ServerRequest<Podshield_Admin_V1_NodeListRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_NodeListResponse> {
        let directory = try await directory()
        let own = await node?.parts.identity.status().membership?.number
        var answer = Podshield_Admin_V1_NodeListResponse()
        answer.directoryRevision = directory.revision
        let records = try await authority?.service.nodes() ?? []
        let recordOf = Dictionary(uniqueKeysWithValues: records.map { ($0.number, $0) })
        let leases = Dictionary(grouping: directory.leases, by: \.node)
        answer.nodes = directory.nodes.map { node in
            Podshield_Admin_V1_Node(
                node, leases[node.number] ?? [], recordOf[node.number], isSelf: node.number.rawValue == own)
        }
        answer.nodes += records.filter(\.isBanned).map(Podshield_Admin_V1_Node.init)
        try Self.narrow(&answer.nodes, to: request.message.node)
        return ServerResponse(message: answer)
    }

    private static func narrow(
        _ nodes: inout [Podshield_Admin_V1_Node], to asked: String
    ) throws(AdminError) {
        guard !asked.isEmpty else { return }
        let found = nodes.filter { $0.name == asked || $0.spiffeID == asked }
        guard !found.isEmpty else { throw .noNode(asked, among: nodes.map(\.name)) }
        nodes = found
    }

    func nodeBan(
        request: ServerRequest<Podshield_Admin_V1_NodeBanRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_NodeBanResponse> {
        var answer = Podshield_Admin_V1_NodeBanResponse()
        answer.node = try await change(request.message.node) { (service, name) throws(RegistryError) in
            try await service.ban(node: name)
        }
        return ServerResponse(message: answer)
    }

    func nodeEvict(
        request: ServerRequest<Podshield_Admin_V1_NodeEvictRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_NodeEvictResponse> {
        var answer = Podshield_Admin_V1_NodeEvictResponse()
        answer.node = try await change(request.message.node) { (service, name) throws(RegistryError) in
            try await service.evict(node: name)
        }
        return ServerResponse(message: answer)
    }

    private func change(
        _ asked: String, by change: (AuthorityService, String) async throws(RegistryError) -> NodeRecord?
    ) async throws(AdminError) -> Podshield_Admin_V1_Node {
        let service = try requireAuthority()
        let nodes: [NodeRecord]
        let changed: NodeRecord?
        do throws(RegistryError) {
            nodes = try await service.nodes()
            changed = try await change(service, Self.name(asked, in: service.settings.trustDomain))
        } catch {
            throw AdminError(.internal, "\(error)")
        }
        if let changed { return Podshield_Admin_V1_Node(changed) }
        throw .noNode(asked, among: nodes.map(\.name))
    }

    /// A node goes by its name or its SPIFFE ID, also one that is not listed.
    private static func name(_ asked: String, in trustDomain: TrustDomain) -> String {
        guard let id = try? SPIFFEID(asked), id.trustDomain == trustDomain, case .node(let name) = id.kind else {
            return asked
        }
        return name
    }
}

extension AdminError {
    fileprivate static func noNode(_ asked: String, among names: [String]) -> AdminError {
        AdminError(
            .notFound, "there is no node \(asked)", subject: asked,
            nearest: NearestNames.of(asked, among: names, most: nearestLimit))
    }
}

extension Podshield_Admin_V1_TokenGenerateResponse {
    fileprivate init(_ made: Invitation) {
        self.init()
        token = made.token
        authorityAddress = made.authorityAddress
        rootFingerprint = made.rootFingerprint
        expiresAt = made.expiresAt
        node = made.node ?? ""
    }
}

extension Podshield_Admin_V1_Node {
    fileprivate init(_ node: Directory.Node, _ leases: [Directory.Lease], _ record: NodeRecord?, isSelf: Bool) {
        self.init()
        name = node.id.lastSegment
        spiffeID = "\(node.id)"
        number = node.number.rawValue
        address = "\(node.address)"
        linkPort = UInt32(node.linkPort)
        espPort = UInt32(node.espPort)
        self.leases = leases.map { "\($0.prefix)" }.sorted()
        self.isSelf = isSelf
        if let record { tell(how: record) }
    }

    /// As the registry has it, where leases are not looked at.
    fileprivate init(_ node: NodeRecord) {
        self.init()
        name = node.name
        spiffeID = "\(node.id)"
        number = node.number.rawValue
        address = "\(node.endpoint.address)"
        linkPort = UInt32(node.endpoint.linkPort)
        espPort = UInt32(node.endpoint.espPort)
        isBanned = node.isBanned
        tell(how: node)
    }

    private mutating func tell(how record: NodeRecord) {
        joinedBy = record.attestation.method
        joinedAs = record.attestation.selector
        joinedAt = record.joinedAt
        serial = record.serial
    }
}
