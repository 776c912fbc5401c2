import AdminAPI
import ArgumentParser
import PrintableText

struct EntryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "entry", abstract: "The registry of the authority: which workloads get which identity.",
        discussion:
            "The flags of SPIRE's `entry` are understood as well: -spiffeID, -parentID, -entryID, -data and others.",
        subcommands: [
            EntryCreateCommand.self, EntryUpdateCommand.self, EntryListCommand.self, EntryShowCommand.self,
            EntryCountCommand.self, EntryDeleteCommand.self,
        ])
}

struct EntryListCommand: SessionCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "All entries, or some.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var filter: EntryFilter

    func run(in session: Session) async throws { try await session.show(filter) }
}

struct EntryShowCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "One entry by its ID; without an ID the same as list.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var choice: EntryChoice
    @OptionGroup var filter: EntryFilter

    func validate() throws {
        guard try choice.chosen() == nil || filter.isEmpty else {
            throw ValidationError("an entry's ID says which: nothing else goes with it")
        }
    }

    func run(in session: Session) async throws {
        guard let id = try choice.chosen() else { return try await session.show(filter) }
        let entry = try await session.withAdmin { admin in
            var request = Podshield_Admin_V1_EntryListRequest()
            request.id = id
            return try await admin.client.entryList(request, options: Admin.options).entries.first
        }
        guard let entry else { throw CommandFailure(.notFound, "there is no entry \(id.quoted)") }
        try session.print(EntryDocument(entry))
    }
}

struct EntryCountCommand: SessionCommand {
    static let configuration = CommandConfiguration(commandName: "count", abstract: "How many entries there are.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var filter: EntryFilter

    func run(in session: Session) async throws {
        try session.print(count: try await session.entries(filter).count)
    }
}

struct EntryDeleteCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete an entry. SVIDs that were issued by it live out their time.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var choice: EntryChoice

    func validate() throws { _ = try choice.required() }

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_EntryDeleteRequest()
        request.id = try choice.required()
        let message = request
        let deleted = try await session.withAdmin { admin in
            EntryDocument(try await admin.client.entryDelete(message, options: Admin.options).entry)
        }
        if session.isJSON {
            try session.console.print(json: deleted)
        } else {
            session.console.print("entry \(deleted.id) of \(deleted.spiffeID) is deleted".printable)
        }
    }
}

/// Which entry.
struct EntryChoice: ParsableArguments {
    @Argument(help: "Its ID, as psid entry list shows it.")
    var id: String?

    @Option(
        name: .customLong("entry-id"),
        help: ArgumentHelp("The same.", valueName: "id"))
    var entryID: String?

    /// The ID, if any is given.
    func chosen() throws(ValidationError) -> String? {
        guard id == nil || entryID == nil else { throw ValidationError("the entry's ID stands twice") }
        return id ?? entryID
    }

    func required() throws(ValidationError) -> String {
        guard let id = try chosen() else { throw ValidationError("which entry? Give its ID") }
        return id
    }
}

extension Session {
    func entries(_ filter: EntryFilter) async throws -> [Podshield_Admin_V1_Entry] {
        let (spiffeID, node) = (filter.spiffeID, filter.node)
        return try await withAdmin { admin in
            var request = Podshield_Admin_V1_EntryListRequest()
            request.spiffeID = spiffeID
            request.parentID = try await admin.spiffeID(ofNode: node)
            return try await admin.client.entryList(request, options: Admin.options).entries
        }.filter(filter.matches)
    }

    fileprivate func show(_ filter: EntryFilter) async throws {
        let document = EntriesDocument(try await entries(filter))
        if isJSON { try console.print(json: document) } else { console.print(document.table) }
    }

    func print(_ entry: EntryDocument) throws {
        if isJSON { try console.print(json: entry) } else { console.print(entry.sheet.lines) }
    }
}

extension Admin {
    /// A node is named by its name or by its SPIFFE ID; empty stays empty.
    func spiffeID(ofNode node: String) async throws -> String {
        guard !node.isEmpty, !node.hasPrefix("spiffe://") else { return node }
        let trustDomain = try await client.status(.init(), options: Self.options).trustDomain
        return "spiffe://\(trustDomain)/podshield/node/\(node)"
    }
}
