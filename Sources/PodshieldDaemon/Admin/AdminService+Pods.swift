import AdminAPI
import AuthorityAPI
import GRPCCore
import NetnsProtocol
import NodeIdentity
import PodState
import Telemetry

extension AdminService {
    func podAdd(
        request: ServerRequest<Podshield_Admin_V1_PodAddRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_PodAddResponse> {
        let node = try requireNode()
        guard !daemon.state.current.isUninstalled else {
            throw AdminError(.precondition, "the datapath is uninstalled: start the daemon again first")
        }
        let wanted = try PodRequest(request.message.facts)
        var answer = Podshield_Admin_V1_PodAddResponse()
        do throws(PodError) {
            answer.pod = Podshield_Admin_V1_Pod(try await node.pods.add(wanted))
        } catch {
            daemon.telemetry.record(
                .podAddFailed(pod: wanted.facts.name, namespace: wanted.facts.namespace, reason: "\(error)"))
            throw AdminError(error)
        }
        return ServerResponse(message: answer)
    }

    func podList(
        request: ServerRequest<Podshield_Admin_V1_PodListRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_PodListResponse> {
        let namespace = request.message.namespace
        let pods = try await requireNode().pods.list()
        var answer = Podshield_Admin_V1_PodListResponse()
        answer.pods = pods.filter { namespace.isEmpty || $0.record.name.namespace == namespace }
            .map(Podshield_Admin_V1_Pod.init)
        return ServerResponse(message: answer)
    }

    func podRemove(
        request: ServerRequest<Podshield_Admin_V1_PodRemoveRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_PodRemoveResponse> {
        let message = request.message
        let node = try requireNode()
        var answer = Podshield_Admin_V1_PodRemoveResponse()
        do throws(PodError) {
            let pod = try await node.pods.remove(
                message.name, namespace: message.namespace.isEmpty ? nil : message.namespace)
            answer.pod = Podshield_Admin_V1_Pod(pod)
        } catch {
            throw AdminError(error)
        }
        return ServerResponse(message: answer)
    }
}
