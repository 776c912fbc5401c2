public import Federation
public import Identity

/// A relationship and how it goes.
public struct RelationshipRecord: Sendable {
    public let relationship: Relationship
    /// Seconds since 1970; nil while no bundle is held.
    public let refreshedAt: Int64?
    /// Why the last try of this run failed; nil if it did not.
    public let failure: FederationError?
}

/// Other trust domains, and what is held of them. Nodes hand their bundles on to workloads whose entries say so, and trust nobody
/// by them.
extension AuthorityService {
    /// By name.
    public func relationships() async throws(RelationshipError) -> [RelationshipRecord] {
        do throws(RegistryError) {
            let held = try await registry.foreignBundles()
            var records: [RelationshipRecord] = []
            for relationship in try await registry.relationships() { records.append(await record(relationship, held)) }
            return records
        } catch {
            throw .registry(error)
        }
    }

    private func record(_ relationship: Relationship) async throws(RelationshipError) -> RelationshipRecord {
        do throws(RegistryError) { return await record(relationship, try await registry.foreignBundles()) } catch {
            throw .registry(error)
        }
    }

    private func record(_ relationship: Relationship, _ held: [HeldBundle]) async -> RelationshipRecord {
        RelationshipRecord(
            relationship: relationship,
            refreshedAt: held.first { $0.bundle.trustDomain == relationship.trustDomain }?.storedAt,
            failure: await federation.failure(of: relationship.trustDomain))
    }

    /// Begins a relationship, or with `replacing` changes one that there is. Its bundle is fetched at once.
    ///
    /// - Parameter bundle: a first one, by which an `https_spiffe` endpoint can show who it is.
    public func federate(
        _ relationship: Relationship, bundle: ForeignBundle?, replacing: Bool
    ) async throws(RelationshipError) -> RelationshipRecord {
        try await registry.store(relationship, replacing: replacing, at: settings.name)
        if let bundle { try await federation.take(bundle) }
        await federation.forget(relationship.trustDomain)
        observe(.federationBegun(relationship))
        return try await record(relationship)
    }

    /// Has the relationships be as the settings say; a bundle to begin with is taken where none is held.
    func configureFederation() async throws(RelationshipError) {
        let (begun, ended) = try await registry.configure(settings.relationships.map(\.relationship), at: settings.name)
        for relationship in begun { observe(.federationBegun(relationship)) }
        for trustDomain in ended { observe(.federationEnded(trustDomain)) }
        let held: [HeldBundle]
        do throws(RegistryError) { held = try await registry.foreignBundles() } catch { throw .registry(error) }
        for bundle in settings.relationships.compactMap(\.bundle)
        where !held.contains(where: { $0.bundle.trustDomain == bundle.trustDomain }) {
            try await federation.take(bundle)
        }
    }

    /// Ends a relationship; the bundle that is held stays.
    public func endFederation(with trustDomain: TrustDomain) async throws(RelationshipError) -> Relationship {
        let relationship = try await registry.deleteRelationship(with: trustDomain, at: settings.name)
        await federation.forget(trustDomain)
        observe(.federationEnded(trustDomain))
        return relationship
    }

    /// Fetches a bundle now. Waits for the endpoint.
    public func refreshBundle(of trustDomain: TrustDomain) async throws(RelationshipError) -> RelationshipRecord {
        let relationship: Relationship?
        do throws(RegistryError) {
            relationship = try await registry.relationships().first { $0.trustDomain == trustDomain }
        } catch {
            throw .registry(error)
        }
        guard let relationship else { throw .notFound(trustDomain) }
        try await federation.refresh(relationship)
        return try await record(relationship)
    }

    /// By name, with the moment when each was stored, in seconds since 1970.
    public func foreignBundles() async throws(RelationshipError) -> [(bundle: ForeignBundle, storedAt: Int64)] {
        do throws(RegistryError) { return try await registry.foreignBundles().map { ($0.bundle, $0.storedAt) } } catch {
            throw .registry(error)
        }
    }

    /// Holds a bundle that an operator vouches for, whatever was held before.
    public func setBundle(_ bundle: ForeignBundle) async throws(RelationshipError) {
        guard bundle.trustDomain != settings.trustDomain else { throw .federation(.ownTrustDomain) }
        try await federation.take(bundle)
    }

    /// Forgets a bundle: workloads that had it trust that trust domain no more.
    public func deleteBundle(of trustDomain: TrustDomain) async throws(RelationshipError) {
        try await registry.deleteBundle(of: trustDomain)
        await publisher.changed()
        observe(.foreignBundleDeleted(trustDomain))
    }
}
