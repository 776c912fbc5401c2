import AdminAPI
import GRPCCore
import GRPCNIOTransportHTTP2
import KernelTestSupport
import SwiftProtobuf
import Synchronization

/// Stands in for podshield-idd on a real socket: answers what it was told to, and remembers what it was asked.
final class FakeDaemon: Podshield_Admin_V1_Admin.SimpleServiceProtocol {
    struct Answers: Sendable {
        /// Thrown instead of any answer.
        var error: AdminError?
        /// Statuses one after another; the last stays.
        var statuses: [Podshield_Admin_V1_StatusResponse] = []
        var peers = Podshield_Admin_V1_PeersResponse()
        var rekey = Podshield_Admin_V1_RekeyResponse()
        var podAdd = Podshield_Admin_V1_PodAddResponse()
        var podList = Podshield_Admin_V1_PodListResponse()
        var podRemove = Podshield_Admin_V1_PodRemoveResponse()
        var issue = Podshield_Admin_V1_IssueResponse()
        var entryCreate = Podshield_Admin_V1_EntryCreateResponse()
        var entryUpdate = Podshield_Admin_V1_EntryUpdateResponse()
        var entryList = Podshield_Admin_V1_EntryListResponse()
        var entryDelete = Podshield_Admin_V1_EntryDeleteResponse()
        var tokenGenerate = Podshield_Admin_V1_TokenGenerateResponse()
        var mintJWT = Podshield_Admin_V1_MintJWTResponse()
        var mintX509 = Podshield_Admin_V1_MintX509Response()
        var nodeList = Podshield_Admin_V1_NodeListResponse()
        var nodeBan = Podshield_Admin_V1_NodeBanResponse()
        var nodeEvict = Podshield_Admin_V1_NodeEvictResponse()
        var revoke = Podshield_Admin_V1_RevokeResponse()
        var revocationLift = Podshield_Admin_V1_RevocationLiftResponse()
        var revocationList = Podshield_Admin_V1_RevocationListResponse()
        var caList = Podshield_Admin_V1_CAListResponse()
        var caPrepare = Podshield_Admin_V1_CAPrepareResponse()
        var caActivate = Podshield_Admin_V1_CAActivateResponse()
        var caTaint = Podshield_Admin_V1_CATaintResponse()
        var caRevoke = Podshield_Admin_V1_CARevokeResponse()
        var jwtKeyList = Podshield_Admin_V1_JWTKeyListResponse()
        var jwtKeyPrepare = Podshield_Admin_V1_JWTKeyPrepareResponse()
        var jwtKeyActivate = Podshield_Admin_V1_JWTKeyActivateResponse()
        var jwtKeyTaint = Podshield_Admin_V1_JWTKeyTaintResponse()
        var jwtKeyRevoke = Podshield_Admin_V1_JWTKeyRevokeResponse()
        var federationCreate = Podshield_Admin_V1_FederationCreateResponse()
        var federationUpdate = Podshield_Admin_V1_FederationUpdateResponse()
        var federationList = Podshield_Admin_V1_FederationListResponse()
        var federationDelete = Podshield_Admin_V1_FederationDeleteResponse()
        var federationRefresh = Podshield_Admin_V1_FederationRefreshResponse()
        var bundleList = Podshield_Admin_V1_BundleListResponse()
        var bundleSet = Podshield_Admin_V1_BundleSetResponse()
        var bundleDelete = Podshield_Admin_V1_BundleDeleteResponse()
        var datapathShow = Podshield_Admin_V1_DatapathShowResponse()
        var datapathUninstall = Podshield_Admin_V1_DatapathUninstallResponse()
        var events: [Podshield_Admin_V1_Event] = []
    }

    private struct State {
        var answers: Answers
        var requests: [any Message] = []
    }

    private let state: Mutex<State>

    init(_ answers: Answers) { state = Mutex(State(answers: answers)) }

    /// The only request of its kind; nil when there was none, or several.
    func request<Request: Message>(_: Request.Type = Request.self) -> Request? {
        let all = state.withLock { $0.requests.compactMap { $0 as? Request } }
        return all.count == 1 ? all[0] : nil
    }

    private func answer<Response: Sendable>(
        _ request: some Message, _ response: (inout Answers) -> Response
    ) throws(AdminError) -> Response {
        let (error, response) = state.withLock { state in
            state.requests.append(request)
            return (state.answers.error, response(&state.answers))
        }
        if let error { throw error }
        return response
    }

    func status(
        request: Podshield_Admin_V1_StatusRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_StatusResponse {
        try answer(request) { answers in
            answers.statuses.count > 1 ? answers.statuses.removeFirst() : answers.statuses.first ?? .init()
        }
    }

    func observe(
        request: Podshield_Admin_V1_ObserveRequest, response: RPCWriter<Podshield_Admin_V1_Event>,
        context: ServerContext
    ) async throws {
        try await response.write(contentsOf: try answer(request) { $0.events })
    }

    func peers(
        request: Podshield_Admin_V1_PeersRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_PeersResponse { try answer(request) { $0.peers } }

    func rekey(
        request: Podshield_Admin_V1_RekeyRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_RekeyResponse { try answer(request) { $0.rekey } }

    func podAdd(
        request: Podshield_Admin_V1_PodAddRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_PodAddResponse { try answer(request) { $0.podAdd } }

    func podList(
        request: Podshield_Admin_V1_PodListRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_PodListResponse { try answer(request) { $0.podList } }

    func podRemove(
        request: Podshield_Admin_V1_PodRemoveRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_PodRemoveResponse { try answer(request) { $0.podRemove } }

    func issue(
        request: Podshield_Admin_V1_IssueRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_IssueResponse { try answer(request) { $0.issue } }

    func entryCreate(
        request: Podshield_Admin_V1_EntryCreateRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_EntryCreateResponse { try answer(request) { $0.entryCreate } }

    func entryUpdate(
        request: Podshield_Admin_V1_EntryUpdateRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_EntryUpdateResponse { try answer(request) { $0.entryUpdate } }

    func entryList(
        request: Podshield_Admin_V1_EntryListRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_EntryListResponse { try answer(request) { $0.entryList } }

    func entryDelete(
        request: Podshield_Admin_V1_EntryDeleteRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_EntryDeleteResponse { try answer(request) { $0.entryDelete } }

    func tokenGenerate(
        request: Podshield_Admin_V1_TokenGenerateRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_TokenGenerateResponse { try answer(request) { $0.tokenGenerate } }

    func mintJWT(
        request: Podshield_Admin_V1_MintJWTRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_MintJWTResponse { try answer(request) { $0.mintJWT } }

    func mintX509(
        request: Podshield_Admin_V1_MintX509Request, context: ServerContext
    ) async throws -> Podshield_Admin_V1_MintX509Response { try answer(request) { $0.mintX509 } }

    func nodeList(
        request: Podshield_Admin_V1_NodeListRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_NodeListResponse { try answer(request) { $0.nodeList } }

    func nodeBan(
        request: Podshield_Admin_V1_NodeBanRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_NodeBanResponse { try answer(request) { $0.nodeBan } }

    func nodeEvict(
        request: Podshield_Admin_V1_NodeEvictRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_NodeEvictResponse { try answer(request) { $0.nodeEvict } }

    func revoke(
        request: Podshield_Admin_V1_RevokeRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_RevokeResponse { try answer(request) { $0.revoke } }

    func revocationLift(
        request: Podshield_Admin_V1_RevocationLiftRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_RevocationLiftResponse { try answer(request) { $0.revocationLift } }

    func revocationList(
        request: Podshield_Admin_V1_RevocationListRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_RevocationListResponse { try answer(request) { $0.revocationList } }

    func caList(
        request: Podshield_Admin_V1_CAListRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_CAListResponse { try answer(request) { $0.caList } }

    func caPrepare(
        request: Podshield_Admin_V1_CAPrepareRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_CAPrepareResponse { try answer(request) { $0.caPrepare } }

    func caActivate(
        request: Podshield_Admin_V1_CAActivateRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_CAActivateResponse { try answer(request) { $0.caActivate } }

    func caTaint(
        request: Podshield_Admin_V1_CATaintRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_CATaintResponse { try answer(request) { $0.caTaint } }

    func caRevoke(
        request: Podshield_Admin_V1_CARevokeRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_CARevokeResponse { try answer(request) { $0.caRevoke } }

    func jwtKeyList(
        request: Podshield_Admin_V1_JWTKeyListRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_JWTKeyListResponse { try answer(request) { $0.jwtKeyList } }

    func jwtKeyPrepare(
        request: Podshield_Admin_V1_JWTKeyPrepareRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_JWTKeyPrepareResponse { try answer(request) { $0.jwtKeyPrepare } }

    func jwtKeyActivate(
        request: Podshield_Admin_V1_JWTKeyActivateRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_JWTKeyActivateResponse { try answer(request) { $0.jwtKeyActivate } }

    func jwtKeyTaint(
        request: Podshield_Admin_V1_JWTKeyTaintRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_JWTKeyTaintResponse { try answer(request) { $0.jwtKeyTaint } }

    func jwtKeyRevoke(
        request: Podshield_Admin_V1_JWTKeyRevokeRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_JWTKeyRevokeResponse { try answer(request) { $0.jwtKeyRevoke } }

    func federationCreate(
        request: Podshield_Admin_V1_FederationCreateRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_FederationCreateResponse { try answer(request) { $0.federationCreate } }

    func federationUpdate(
        request: Podshield_Admin_V1_FederationUpdateRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_FederationUpdateResponse { try answer(request) { $0.federationUpdate } }

    func federationList(
        request: Podshield_Admin_V1_FederationListRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_FederationListResponse { try answer(request) { $0.federationList } }

    func federationDelete(
        request: Podshield_Admin_V1_FederationDeleteRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_FederationDeleteResponse { try answer(request) { $0.federationDelete } }

    func federationRefresh(
        request: Podshield_Admin_V1_FederationRefreshRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_FederationRefreshResponse { try answer(request) { $0.federationRefresh } }

    func bundleList(
        request: Podshield_Admin_V1_BundleListRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_BundleListResponse { try answer(request) { $0.bundleList } }

    func bundleSet(
        request: Podshield_Admin_V1_BundleSetRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_BundleSetResponse { try answer(request) { $0.bundleSet } }

    func bundleDelete(
        request: Podshield_Admin_V1_BundleDeleteRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_BundleDeleteResponse { try answer(request) { $0.bundleDelete } }

    func datapathShow(
        request: Podshield_Admin_V1_DatapathShowRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_DatapathShowResponse { try answer(request) { $0.datapathShow } }

    func datapathUninstall(
        request: Podshield_Admin_V1_DatapathUninstallRequest, context: ServerContext
    ) async throws -> Podshield_Admin_V1_DatapathUninstallResponse { try answer(request) { $0.datapathUninstall } }
}
