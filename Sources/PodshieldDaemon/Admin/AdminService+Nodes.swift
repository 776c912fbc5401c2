import Addressing
import AdminAPI
import Authority
import GRPCCore
import Identity
import NodeIdentity

extension AdminService {
    func tokenGenerate(
        request: ServerRequest<Podshield_Admin_V1_TokenGenerateRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_TokenGenerateResponse> {
        let message = request.message
        let service = try requireAuthority()
        do throws(InvitationError) {
            let made = try await service.generateToken(
                node: message.node.isEmpty ? nil : message.node,
                lifetime: message.ttl == 0 ? Invitation.defaultLifetime : .seconds(message.ttl))
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
        answer.nodes = directory.nodes.map { node in
            Podshield_Admin_V1_Node(node, directory, isSelf: node.number.rawValue == own)
        }
        return ServerResponse(message: answer)
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
    fileprivate init(_ node: Directory.Node, _ directory: Directory, isSelf: Bool) {
        self.init()
        name = node.id.lastSegment
        spiffeID = "\(node.id)"
        number = node.number.rawValue
        address = "\(node.address)"
        linkPort = UInt32(node.linkPort)
        espPort = UInt32(node.espPort)
        leases = directory.leases.filter { $0.node == node.number }.map { "\($0.prefix)" }.sorted()
        self.isSelf = isSelf
    }
}
