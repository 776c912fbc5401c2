import AdminAPI
import Datapath
import GRPCCore
import Telemetry

extension AdminService {
    func datapathShow(
        request: ServerRequest<Podshield_Admin_V1_DatapathShowRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_DatapathShowResponse> {
        let parts = try requireNode().parts
        do throws(DatapathError) {
            let snapshot = try await parts.datapath.snapshot()
            return ServerResponse(message: Podshield_Admin_V1_DatapathShowResponse(snapshot, parts.names))
        } catch {
            throw AdminError(AdminErrorReason(error), "\(error)")
        }
    }

    /// Peers are told first that nothing is here any more, so that they stop sending what nobody will open.
    func datapathUninstall(
        request: ServerRequest<Podshield_Admin_V1_DatapathUninstallRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_DatapathUninstallResponse> {
        let node = try requireNode()
        daemon.state.change { $0.isUninstalled = true }
        await node.parts.uplinks.retire()
        await node.pods.retire()
        var answer = Podshield_Admin_V1_DatapathUninstallResponse()
        do throws(DatapathError) {
            answer.removed = try await node.parts.datapath.snapshot().names(node.parts.names)
            try await node.parts.datapath.uninstall()
        } catch {
            throw AdminError(AdminErrorReason(error), "\(error)")
        }
        daemon.telemetry.record(.datapathUninstalled(removed: answer.removed.count))
        return ServerResponse(message: answer)
    }
}

extension DatapathSnapshot {
    /// What goes with it: attachments, then maps.
    fileprivate func names(_ names: NameTable) -> [String] {
        programs.flatMap { program in
            program.attachments.map {
                "\(program.name) at \(names.device($0.interface) ?? "ifindex \($0.interface)")"
            }
        } + maps.map { "map \($0.name)" }
    }
}
