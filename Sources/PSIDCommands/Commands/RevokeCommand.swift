import AdminAPI
import ArgumentParser
import PrintableText

struct RevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Take identities back before their time.",
        subcommands: [
            RevokeNowCommand.self, RevokeListCommand.self, RevokeLiftCommand.self, RevokeExportCommand.self,
        ], defaultSubcommand: RevokeNowCommand.self)
}

/// What is revoked: exactly one of them.
struct SubjectOptions: ParsableArguments {
    @Option(
        name: .customLong("spiffe-id"), help: ArgumentHelp("A workload's name; none is issued then.", valueName: "id"))
    var spiffeID: String?

    @Option(help: ArgumentHelp("One certificate, for good; another takes its place.", valueName: "hex"))
    var serial: String?

    @Option(help: ArgumentHelp("All that an entry gave; it gives nothing then.", valueName: "id"))
    var entry: String?

    @Option(help: ArgumentHelp("A node and all on it; it is banned.", valueName: "name"))
    var node: String?

    func validate() throws {
        guard [spiffeID, serial, entry, node].count(where: { $0 != nil }) == 1 else {
            throw ValidationError("what? Give one of --spiffe-id, --serial, --entry and --node")
        }
    }

    var message: Podshield_Admin_V1_RevocationSubject {
        var message = Podshield_Admin_V1_RevocationSubject()
        if let spiffeID { message.spiffeID = spiffeID }
        if let serial { message.serial = serial }
        if let entry { message.entry = entry }
        if let node { message.node = node }
        return message
    }

    /// For people.
    var words: String {
        let named = [("spiffe-id", spiffeID), ("serial", serial), ("entry", entry), ("node", node)]
        return named.compactMap { kind, name in name.map { "\(kind) \($0)" } }.joined()
    }
}

struct RevokeNowCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "now", abstract: "Revoke a name, a certificate, an entry or a node (the default).",
        discussion: """
            Every connected node lets go of what it concerns within a second, and refuses the certificates until they end. \
            A certificate is replaced where its holder is still entitled. A name and an entry give nothing until \
            psid revoke lift; a node is banned until psid node evict. Tokens (JWT-SVIDs) that are out live out their minutes.
            """)

    @OptionGroup var options: GlobalOptions
    @OptionGroup var subject: SubjectOptions

    @Option(
        help: ArgumentHelp(
            """
            unspecified, key-compromise, affiliation-changed, superseded, cessation-of-operation or privilege-withdrawn.
            """, valueName: "reason"))
    var reason = "unspecified"

    @Flag(help: "Only show what it would concern.")
    var dryRun = false

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_RevokeRequest()
        request.subject = subject.message
        request.reason = reason
        request.dryRun = dryRun
        let message = request
        let response = try await session.withAdmin { try await $0.client.revoke(message, options: Admin.options) }
        let document = RevokedDocument(
            isDryRun: dryRun, certificates: response.certificates.map(IssuedCertificateDocument.init))
        if session.isJSON { return try session.console.print(json: document) }
        let outcome = dryRun ? "would be revoked, with" : "is revoked, with"
        session.console.print("\(subject.words) \(outcome) \(document.certificates.count) certificates".printable)
        if !document.certificates.isEmpty { session.console.print(document.certificates.table) }
    }
}

struct RevokeListCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "What is not issued, and the revoked certificates that have not ended.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let response = try await session.withAdmin {
            try await $0.client.revocationList(.init(), options: Admin.options)
        }
        let document = RevocationsDocument(
            revocations: response.revocations.map(RevocationDocument.init),
            certificates: response.certificates.map(IssuedCertificateDocument.init))
        if session.isJSON { return try session.console.print(json: document) }
        session.console.print(document.table)
        session.console.print(document.certificates.table)
    }
}

struct RevokeLiftCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "lift", abstract: "Let a revoked name or entry be issued again; certificates stay revoked.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var subject: SubjectOptions

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_RevocationLiftRequest()
        request.subject = subject.message
        let message = request
        let lifted = try await session.withAdmin {
            RevocationDocument(try await $0.client.revocationLift(message, options: Admin.options).revocation)
        }
        if session.isJSON { return try session.console.print(json: lifted) }
        session.console.print("\(lifted.kind) \(lifted.name) may be issued again".printable)
    }
}

struct RevokeExportCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "crl", abstract: "The lists that say so to others (RFC 5280), one by each key of a CA, as PEM.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let lists = try await session.withAdmin {
            try await $0.client.revocationList(.init(), options: Admin.options).lists.map { PEM.encode($0, "X509 CRL") }
        }
        if session.isJSON { return try session.console.print(json: ListsDocument(lists: lists)) }
        session.console.print(lists.joined())
    }
}
