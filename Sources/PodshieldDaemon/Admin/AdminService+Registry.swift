import AdminAPI
import Authority
import AuthorityAPI
import GRPCCore
import Identity

extension AdminService {
    func entryCreate(
        request: ServerRequest<Podshield_Admin_V1_EntryCreateRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_EntryCreateResponse> {
        let service = try requireAuthority()
        let wanted = try NewEntry(request.message.entry)
        var answer = Podshield_Admin_V1_EntryCreateResponse()
        do throws(EntryError) {
            answer.entry = Podshield_Admin_V1_Entry(try await service.createEntry(wanted))
        } catch {
            throw AdminError(error)
        }
        return ServerResponse(message: answer)
    }

    func entryUpdate(
        request: ServerRequest<Podshield_Admin_V1_EntryUpdateRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_EntryUpdateResponse> {
        let service = try requireAuthority()
        let wanted = try NewEntry(request.message.entry)
        let id = request.message.entry.id
        var answer = Podshield_Admin_V1_EntryUpdateResponse()
        do throws(EntryError) {
            answer.entry = Podshield_Admin_V1_Entry(try await service.updateEntry(id, to: wanted))
        } catch .notFound {
            throw try await noEntry(id, of: service)
        } catch {
            throw AdminError(error)
        }
        return ServerResponse(message: answer)
    }

    func entryList(
        request: ServerRequest<Podshield_Admin_V1_EntryListRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_EntryListResponse> {
        let message = request.message
        let entries = try await requireAuthority().entries().map(Podshield_Admin_V1_Entry.init)
        var answer = Podshield_Admin_V1_EntryListResponse()
        answer.entries = entries.filter { entry in
            (message.spiffeID.isEmpty || entry.spiffeID == message.spiffeID)
                && (message.parentID.isEmpty || entry.parentID == message.parentID)
                && (message.id.isEmpty || entry.id == message.id)
        }
        guard message.id.isEmpty || !answer.entries.isEmpty else {
            throw try await noEntry(message.id, of: requireAuthority())
        }
        return ServerResponse(message: answer)
    }

    func entryDelete(
        request: ServerRequest<Podshield_Admin_V1_EntryDeleteRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_EntryDeleteResponse> {
        let service = try requireAuthority()
        let id = request.message.id
        var answer = Podshield_Admin_V1_EntryDeleteResponse()
        do throws(EntryError) {
            answer.entry = Podshield_Admin_V1_Entry(try await service.deleteEntry(id))
        } catch .notFound {
            throw try await noEntry(id, of: service)
        } catch {
            throw AdminError(error)
        }
        return ServerResponse(message: answer)
    }

    private func noEntry(_ id: String, of service: AuthorityService) async throws -> AdminError {
        let known = try await service.entries().map(\.id)
        return AdminError(
            .notFound, "there is no entry \(id)", subject: id,
            nearest: NearestNames.of(id, among: known, most: AdminError.nearestLimit))
    }
}
