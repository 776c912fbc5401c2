internal import Identity
internal import Issuance
internal import OpenSSLBinding
internal import PrintableText

extension AuthorityService {
    public func createEntry(_ entry: NewEntry) async throws(EntryError) -> RegistrationEntry {
        let id: String
        do throws(OpenSSLError) {
            id = try RandomBytes.make(16).hexadecimal
        } catch {
            throw .notIssuable(.openSSL(error))
        }
        let created = try entry.checked(in: settings.trustDomain, id: id, now: now())
        try await registry.create(created)
        await entrySignals.changed([created])
        observe(.entryCreated(created))
        return created
    }

    /// Puts an entry in the place of one that is there. Nodes have new SVIDs issued for whom it fits or fitted, at once; those
    /// that were issued live out their time.
    public func updateEntry(_ id: String, to entry: NewEntry) async throws(EntryError) -> RegistrationEntry {
        let updated = try await registry.update(try entry.checked(in: settings.trustDomain, id: id, now: now()))
        await jwtKeys.dropDownstreamKeys()
        await entrySignals.changed([updated])
        observe(.entryUpdated(updated))
        return updated
    }

    /// All entries, oldest first.
    public func entries() async throws(RegistryError) -> [RegistrationEntry] { try await registry.entries() }

    /// Deletes an entry and tells what it was. SVIDs that were issued by it live out their time; `revoke` takes them back.
    public func deleteEntry(_ id: String) async throws(EntryError) -> RegistrationEntry {
        let deleted = try await registry.deleteEntry(id)
        await jwtKeys.dropDownstreamKeys()
        await entrySignals.changed([deleted])
        observe(.entryDeleted(deleted))
        return deleted
    }
}
