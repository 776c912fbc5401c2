import AdminAPI
import ArgumentParser
import PrintableText

struct AuthorityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "authority",
        abstract: "The CAs of the authority and its keys for JWT-SVIDs, and how one follows another.",
        discussion: """
            They follow one another by themselves: the next is made at half of the life of the one that signs, and takes over \
            when a sixth of it is left. By hand: prepare, activate, and to be rid of the old one before its end, taint and revoke. \
            CAs are named by the first digits of their fingerprints.
            """,
        subcommands: [
            AuthorityListCommand.self, AuthorityPrepareCommand.self, AuthorityActivateCommand.self,
            AuthorityTaintCommand.self, AuthorityRevokeCommand.self, AuthorityJWTCommand.self,
        ])
}

struct AuthorityListCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "All CAs that are trusted, oldest first; the one that the server is under has a star.",
        aliases: ["show"])

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let document = try await session.withAdmin { admin in
            AuthoritiesDocument(
                authorities: try await admin.client.caList(.init(), options: Admin.options).authorities
                    .map(AuthorityDocument.init))
        }
        if session.isJSON { try session.console.print(json: document) } else { session.console.print(document.table) }
    }
}

struct AuthorityPrepareCommand: StepCommand {
    static let configuration = CommandConfiguration(
        commandName: "prepare", abstract: "Make the next CA: trusted everywhere from now on, signing later.")
    static let outcome = "is prepared"

    @OptionGroup var options: GlobalOptions

    func step(by admin: Admin) async throws -> AuthorityDocument {
        try await AuthorityDocument(admin.client.caPrepare(.init(), options: Admin.options).authority)
    }
}

struct AuthorityActivateCommand: StepCommand {
    static let configuration = CommandConfiguration(
        commandName: "activate",
        abstract: "Let the prepared CA sign; what others issued is good until it ends, and renewed in its time.")
    static let outcome = "signs from now on"

    @OptionGroup var options: GlobalOptions

    func step(by admin: Admin) async throws -> AuthorityDocument {
        try await AuthorityDocument(admin.client.caActivate(.init(), options: Admin.options).authority)
    }
}

struct AuthorityTaintCommand: StepCommand {
    static let configuration = CommandConfiguration(
        commandName: "taint", abstract: "Have everything replaced at once that a retired CA issued.")
    static let outcome = "is tainted"

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Its fingerprint, or as many digits of it as only this one has.")
    var fingerprint: String

    func step(by admin: Admin) async throws -> AuthorityDocument {
        var request = Podshield_Admin_V1_CATaintRequest()
        request.fingerprint = fingerprint
        return try await AuthorityDocument(admin.client.caTaint(request, options: Admin.options).authority)
    }
}

struct AuthorityRevokeCommand: StepCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Have a tainted or prepared CA trusted by nobody any more, for good.",
        discussion: """
            Refused while SVIDs that it issued are in use. Nodes that were away since the next CA was prepared have to join again.
            """)
    static let outcome = "is trusted no more"

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Its fingerprint, or as many digits of it as only this one has.")
    var fingerprint: String

    @Flag(help: "Also if it is not tainted, or SVIDs that it issued are in use; they are refused then.")
    var force = false

    func step(by admin: Admin) async throws -> AuthorityDocument {
        var request = Podshield_Admin_V1_CARevokeRequest()
        request.fingerprint = fingerprint
        request.force = force
        return try await AuthorityDocument(admin.client.caRevoke(request, options: Admin.options).authority)
    }
}

extension AuthoritiesDocument {
    fileprivate var table: [String] {
        var table = Table("FINGERPRINT", "STATE", "UNTIL", "SVIDS IN USE", "ROOT")
        for authority in authorities {
            table.add(
                authority.fingerprint + (authority.serves ? "*" : ""),
                authority.state + (authority.tainted ? ", tainted" : ""), authority.notAfter?.description ?? "",
                "\(authority.inUse)",
                authority.rootFingerprint == authority.fingerprint ? "itself" : authority.rootFingerprint)
        }
        return table.lines
    }
}
