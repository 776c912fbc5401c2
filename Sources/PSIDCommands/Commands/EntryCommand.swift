import AdminAPI
import ArgumentParser
import PrintableText

struct EntryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "entry", abstract: "The registry of the authority: which workloads get which identity.",
        subcommands: [EntryCreateCommand.self, EntryListCommand.self, EntryDeleteCommand.self])
}

struct EntryCreateCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Give an identity to the workloads that all selectors fit.",
        discussion: """
            At least one of --selector, --namespace, --service-account, --pod and --label is needed; the last four are \
            short for the selectors k8s:ns:, k8s:sa:, k8s:pod-name: and k8s:pod-label:. Processes are told by unix:uid:, \
            unix:user:, unix:gid:, unix:group:, unix:supplementary_gid:, unix:path:, unix:sha256: and systemd:unit:.
            """)

    @OptionGroup var options: GlobalOptions

    @Option(name: .customLong("spiffe-id"), help: ArgumentHelp("The identity.", valueName: "id"))
    var spiffeID: String

    @Option(
        help: ArgumentHelp("Name or SPIFFE ID of the node on which they may run; any without.", valueName: "node"))
    var node = ""

    @Option(help: ArgumentHelp("A fact that they must have; repeat for more.", valueName: "type:value"))
    var selector: [String] = []

    @Option(help: "The pods' namespace.")
    var namespace: String?

    @Option(help: ArgumentHelp("Their service account.", valueName: "name"))
    var serviceAccount: String?

    @Option(help: ArgumentHelp("The one pod's name.", valueName: "name"))
    var pod: String?

    @Option(help: ArgumentHelp("A label that they have; repeat for more.", valueName: "key=value"))
    var label: [Assignment] = []

    @Option(help: ArgumentHelp("A label of the identity, for policies; repeat for more.", valueName: "key=value"))
    var policyLabel: [Assignment] = []

    @Option(name: .customLong("dns"), help: ArgumentHelp("A DNS name in the SVID; repeat for more.", valueName: "name"))
    var dnsNames: [String] = []

    @Option(name: .customLong("ttl"), help: ArgumentHelp("Lifetime of the SVIDs.", valueName: "seconds"))
    var svidTTL: UInt32 = 0

    @Option(help: "What a workload of several identities may choose this one by.")
    var hint = ""

    func validate() throws {
        guard !selectors.isEmpty else { throw ValidationError("which workloads? Give at least one selector") }
        _ = try policyLabel.labels()
    }

    func run(in session: Session) async throws {
        let entry = try entry()
        let node = node
        let created = try await session.withAdmin { admin in
            var request = Podshield_Admin_V1_EntryCreateRequest()
            request.entry = entry
            request.entry.parentID = try await admin.spiffeID(ofNode: node)
            return EntryDocument(try await admin.client.entryCreate(request, options: Admin.options).entry)
        }
        if session.isJSON {
            try session.console.print(json: created)
        } else {
            session.console.print(created.sheet.lines)
        }
    }

    private func entry() throws -> Podshield_Admin_V1_Entry {
        var entry = Podshield_Admin_V1_Entry()
        entry.spiffeID = spiffeID
        entry.selectors = selectors
        entry.labels = try policyLabel.labels()
        entry.dnsNames = dnsNames
        entry.svidTtl = Int64(svidTTL)
        entry.hint = hint
        return entry
    }

    private var selectors: [String] {
        selector + [namespace.map { "k8s:ns:\($0)" }, serviceAccount.map { "k8s:sa:\($0)" }].compactMap(\.self)
            + [pod.map { "k8s:pod-name:\($0)" }].compactMap(\.self)
            + label.map { "k8s:pod-label:\($0.key):\($0.value)" }
    }
}

struct EntryListCommand: SessionCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "All entries, or some.")

    @OptionGroup var options: GlobalOptions

    @Option(name: .customLong("spiffe-id"), help: ArgumentHelp("Only entries with this identity.", valueName: "id"))
    var spiffeID = ""

    @Option(help: ArgumentHelp("Only entries for this node.", valueName: "node"))
    var node = ""

    func run(in session: Session) async throws {
        let (spiffeID, node) = (spiffeID, node)
        let document = try await session.withAdmin { admin in
            var request = Podshield_Admin_V1_EntryListRequest()
            request.spiffeID = spiffeID
            request.parentID = try await admin.spiffeID(ofNode: node)
            let entries = try await admin.client.entryList(request, options: Admin.options).entries
            return EntriesDocument(entries: entries.map(EntryDocument.init))
        }
        if session.isJSON { try session.console.print(json: document) } else { session.console.print(document.table) }
    }
}

struct EntryDeleteCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete an entry. SVIDs that were issued by it live out their time.")

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Its ID, as psid entry list shows it.")
    var id: String

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_EntryDeleteRequest()
        request.id = id
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

extension Admin {
    /// A node is named by its name or by its SPIFFE ID; empty stays empty.
    fileprivate func spiffeID(ofNode node: String) async throws -> String {
        guard !node.isEmpty, !node.hasPrefix("spiffe://") else { return node }
        let trustDomain = try await client.status(.init(), options: Self.options).trustDomain
        return "spiffe://\(trustDomain)/podshield/node/\(node)"
    }
}
