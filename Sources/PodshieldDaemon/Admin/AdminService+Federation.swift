import AdminAPI
import Authority
import Federation
import FoundationEssentials
import GRPCCore
import Identity
import JOSE
import OpenSSLBinding

extension AdminService {
    func federationCreate(
        request: ServerRequest<Podshield_Admin_V1_FederationCreateRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_FederationCreateResponse> {
        let message = request.message
        var answer = Podshield_Admin_V1_FederationCreateResponse()
        answer.relationship = try await federate(
            message.relationship, message.hasBundle ? message.bundle : nil, replacing: false)
        return ServerResponse(message: answer)
    }

    func federationUpdate(
        request: ServerRequest<Podshield_Admin_V1_FederationUpdateRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_FederationUpdateResponse> {
        let message = request.message
        var answer = Podshield_Admin_V1_FederationUpdateResponse()
        answer.relationship = try await federate(
            message.relationship, message.hasBundle ? message.bundle : nil, replacing: true)
        return ServerResponse(message: answer)
    }

    private func federate(
        _ message: Podshield_Admin_V1_FederationRelationship, _ text: Podshield_Admin_V1_BundleText?, replacing: Bool
    ) async throws(AdminError) -> Podshield_Admin_V1_FederationRelationship {
        let service = try requireAuthority()
        let relationship = try Relationship(message, of: service.settings.trustDomain)
        let bundle: ForeignBundle? =
            if let text { try ForeignBundle(text, of: relationship.trustDomain) } else { nil }
        do throws(RelationshipError) {
            return .init(try await service.federate(relationship, bundle: bundle, replacing: replacing))
        } catch {
            throw AdminError(error)
        }
    }

    func federationList(
        request: ServerRequest<Podshield_Admin_V1_FederationListRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_FederationListResponse> {
        let service = try requireAuthority()
        let wanted = request.message.trustDomain
        var answer = Podshield_Admin_V1_FederationListResponse()
        do throws(RelationshipError) {
            answer.relationships = try await service.relationships().map { .init($0) }
        } catch {
            throw AdminError(error)
        }
        if !wanted.isEmpty {
            let trustDomain = try TrustDomain(asked: wanted)
            answer.relationships.removeAll { $0.trustDomain != trustDomain.name }
            guard !answer.relationships.isEmpty else { throw AdminError(RelationshipError.notFound(trustDomain)) }
        }
        return ServerResponse(message: answer)
    }

    func federationDelete(
        request: ServerRequest<Podshield_Admin_V1_FederationDeleteRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_FederationDeleteResponse> {
        let service = try requireAuthority()
        let trustDomain = try TrustDomain(asked: request.message.trustDomain)
        var answer = Podshield_Admin_V1_FederationDeleteResponse()
        do throws(RelationshipError) {
            answer.relationship = .init(try await service.endFederation(with: trustDomain))
        } catch {
            throw AdminError(error)
        }
        return ServerResponse(message: answer)
    }

    func federationRefresh(
        request: ServerRequest<Podshield_Admin_V1_FederationRefreshRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_FederationRefreshResponse> {
        let service = try requireAuthority()
        let trustDomain = try TrustDomain(asked: request.message.trustDomain)
        var answer = Podshield_Admin_V1_FederationRefreshResponse()
        do throws(RelationshipError) {
            answer.relationship = .init(try await service.refreshBundle(of: trustDomain))
        } catch {
            throw AdminError(error)
        }
        return ServerResponse(message: answer)
    }

    // MARK: Bundles

    func bundleList(
        request: ServerRequest<Podshield_Admin_V1_BundleListRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_BundleListResponse> {
        let service = try requireAuthority()
        let own = try await service.publishedTrust()
        var answer = Podshield_Admin_V1_BundleListResponse()
        answer.bundles = [.init(BundleDocument(bundle: own.bundle, jwtBundle: own.jwtBundle), storedAt: 0)]
        do throws(RelationshipError) {
            answer.bundles += try await service.foreignBundles().map {
                .init($0.bundle.document, storedAt: $0.storedAt)
            }
        } catch {
            throw AdminError(error)
        }
        if !request.message.trustDomain.isEmpty {
            let wanted = try TrustDomain(asked: request.message.trustDomain)
            answer.bundles.removeAll { $0.trustDomain != wanted.name }
            guard !answer.bundles.isEmpty else { throw AdminError(RelationshipError.notFound(wanted)) }
        }
        return ServerResponse(message: answer)
    }

    func bundleSet(
        request: ServerRequest<Podshield_Admin_V1_BundleSetRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_BundleSetResponse> {
        let service = try requireAuthority()
        let trustDomain = try TrustDomain(asked: request.message.trustDomain)
        let bundle = try ForeignBundle(request.message.bundle, of: trustDomain)
        do throws(RelationshipError) { try await service.setBundle(bundle) } catch { throw AdminError(error) }
        var answer = Podshield_Admin_V1_BundleSetResponse()
        answer.bundle = .init(bundle.document, storedAt: WallClock.seconds())
        return ServerResponse(message: answer)
    }

    func bundleDelete(
        request: ServerRequest<Podshield_Admin_V1_BundleDeleteRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_BundleDeleteResponse> {
        let service = try requireAuthority()
        let trustDomain = try TrustDomain(asked: request.message.trustDomain)
        do throws(RelationshipError) { try await service.deleteBundle(of: trustDomain) } catch {
            throw AdminError(error)
        }
        var answer = Podshield_Admin_V1_BundleDeleteResponse()
        answer.bundle.trustDomain = trustDomain.name
        return ServerResponse(message: answer)
    }
}

extension AdminError {
    fileprivate init(_ error: RelationshipError) {
        switch error {
        case .notFound(let trustDomain): self.init(.notFound, "\(error)", subject: trustDomain.name)
        case .alreadyExists(let trustDomain): self.init(.alreadyExists, "\(error)", subject: trustDomain.name)
        case .hasRelationship(let trustDomain), .configured(let trustDomain):
            self.init(.precondition, "\(error)", subject: trustDomain.name)
        case .tooMany: self.init(.exhausted, "\(error)")
        case .federation(.ownTrustDomain): self.init(.invalid, "\(error)")
        case .federation: self.init(.unavailable, "\(error)")
        case .registry: self.init(.internal, "\(error)")
        }
    }
}

extension Podshield_Admin_V1_FederationRelationship {
    fileprivate init(_ record: RelationshipRecord) {
        self.init(record.relationship)
        refreshedAt = record.refreshedAt ?? 0
        failure = record.failure.map { "\($0)" } ?? ""
    }
}

extension Podshield_Admin_V1_TrustDomainBundle {
    fileprivate init(_ document: BundleDocument, storedAt: Int64) {
        self.init()
        trustDomain = document.bundle.trustDomain.name
        self.document = document.encoded
        roots = document.bundle.authorities.map { Data($0.der) }
        self.storedAt = storedAt
    }
}
