import AdminAPI
import ArgumentParser
import PrintableText

struct EntryCreateCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Give an identity to the workloads that all selectors fit.",
        discussion: """
            At least one of --selector, --namespace, --service-account, --pod and --label is needed; the last four are \
            short for the selectors k8s:ns:, k8s:sa:, k8s:pod-name: and k8s:pod-label:. Pods are told by k8s:pod-uid: and \
            k8s:node-name:, too; processes in their containers by k8s:container-name: and k8s:container-image:. Processes \
            are told by unix:uid:, unix:user:, unix:gid:, unix:group:, unix:supplementary_gid:, unix:path:, unix:sha256: \
            and systemd:unit:.
            """)

    @OptionGroup var options: GlobalOptions
    @OptionGroup var fields: EntryFields

    func run(in session: Session) async throws {
        try await session.write(try fields.entries()) { admin, entry in
            var request = Podshield_Admin_V1_EntryCreateRequest()
            request.entry = entry
            return try await admin.client.entryCreate(request, options: Admin.options).entry
        }
    }
}

struct EntryUpdateCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Replace all that an entry says; its ID stays.",
        discussion: """
            What is not given is as with `create`. Whom the entry fits or fitted is issued anew at once; what was issued \
            before lives out its time. In a file each entry has its ID.
            """)

    @OptionGroup var options: GlobalOptions
    @OptionGroup var choice: EntryChoice
    @OptionGroup var fields: EntryFields

    func validate() throws {
        guard fields.data != nil else {
            _ = try choice.required()
            return
        }
        guard try choice.chosen() == nil else { throw ValidationError("with --data the file has the IDs") }
    }

    func run(in session: Session) async throws {
        var entries = try fields.entries()
        if let id = try choice.chosen() { entries[0].id = id }
        if let missing = entries.first(where: \.id.isEmpty) {
            throw CommandFailure(.usage, "the entry of \(missing.spiffeID) has no ID in the file".printable)
        }
        try await session.write(entries) { admin, entry in
            var request = Podshield_Admin_V1_EntryUpdateRequest()
            request.entry = entry
            return try await admin.client.entryUpdate(request, options: Admin.options).entry
        }
    }
}

extension Session {
    /// Writes each and prints what came of them.
    fileprivate func write(
        _ entries: [Podshield_Admin_V1_Entry],
        _ call: @escaping @Sendable (Admin, Podshield_Admin_V1_Entry) async throws -> Podshield_Admin_V1_Entry
    ) async throws {
        let batch = try await each(of: entries, called: "entry", by: \.spiffeID) { admin, entry in
            var entry = entry
            entry.parentID = try await admin.spiffeID(ofNode: entry.parentID)
            return EntryDocument(try await call(admin, entry))
        }
        try print(batch.done, of: entries.count)
        if batch.failed > 0 {
            throw CommandFailure(.failure, "\(batch.failed) of \(entries.count) entries were refused")
        }
    }

    private func print(_ written: [EntryDocument], of count: Int) throws {
        if count == 1 { return try print(written[0]) }
        let document = EntriesDocument(entries: written)
        if isJSON { try console.print(json: document) } else { console.print(document.table) }
    }
}
