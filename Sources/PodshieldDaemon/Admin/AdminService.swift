import AdminAPI
import Authority
import Identity
import NodeIdentity

/// What psid asks. Each group of calls has a file of its own.
struct AdminService: Podshield_Admin_V1_Admin.ServiceProtocol {
    let daemon: DaemonContext
    /// Nil on a pure node.
    let authority: AuthorityRole?
    /// Nil on a pure authority.
    let node: NodeRole?
    let observers = ObserverLimit()

    func requireNode() throws(AdminError) -> NodeRole {
        guard let node else { throw AdminError(.precondition, "this daemon is an authority only: it has no pods") }
        return node
    }

    func requireAuthority() throws(AdminError) -> AuthorityService {
        guard let authority else {
            throw AdminError(.precondition, "this daemon is no authority: ask on the authority's node")
        }
        return authority.service
    }

    /// The newest directory that this daemon knows.
    func directory() async throws(AdminError) -> Directory {
        if let directory = await node?.parts.identity.currentDirectory { return directory }
        guard let authority else { throw AdminError(.unavailable, "the authority has sent no directory yet") }
        do throws(RegistryError) { return try await authority.service.directory() } catch {
            throw AdminError(.internal, "\(error)")
        }
    }

    /// The node of that name or SPIFFE ID, among `nodes`.
    static func find(_ name: String, among nodes: [Directory.Node]) throws(AdminError) -> Directory.Node {
        if let node = nodes.first(where: { $0.id.lastSegment == name || "\($0.id)" == name }) { return node }
        throw AdminError(
            .notFound, "there is no node \(name)", subject: name,
            nearest: NearestNames.of(name, among: nodes.map(\.id.lastSegment), most: AdminError.nearestLimit))
    }
}
