import AdminAPI
import ArgumentParser
import PrintableText

struct AuthorityJWTCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jwt", abstract: "The keys that JWT-SVIDs are signed with, and how one follows another.",
        discussion: """
            They follow one another as CAs do. By hand: prepare, activate, and to be rid of the old one before its end, taint and \
            revoke. Of a key that is in other hands: revoke --force, even if it is the one that signs.
            """,
        subcommands: [
            JWTKeyListCommand.self, JWTKeyPrepareCommand.self, JWTKeyActivateCommand.self, JWTKeyTaintCommand.self,
            JWTKeyRevokeCommand.self,
        ])
}

struct JWTKeyListCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "All keys that are published, oldest first.", aliases: ["show"])

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let document = try await session.withAdmin { admin in
            JWTKeysDocument(
                keys: try await admin.client.jwtKeyList(.init(), options: Admin.options).keys.map(JWTKeyDocument.init))
        }
        if session.isJSON { try session.console.print(json: document) } else { session.console.print(document.table) }
    }
}

struct JWTKeyPrepareCommand: StepCommand {
    static let configuration = CommandConfiguration(
        commandName: "prepare", abstract: "Make the next key: published from now on, signing later.")
    static let outcome = "is prepared"

    @OptionGroup var options: GlobalOptions

    func step(by admin: Admin) async throws -> JWTKeyDocument {
        try await JWTKeyDocument(admin.client.jwtKeyPrepare(.init(), options: Admin.options).key)
    }
}

struct JWTKeyActivateCommand: StepCommand {
    static let configuration = CommandConfiguration(
        commandName: "activate", abstract: "Have the prepared key sign; what others signed is good until it ends.",
        discussion: "Verifiers outside have to have fetched the keys since it was prepared.")
    static let outcome = "signs from now on"

    @OptionGroup var options: GlobalOptions

    func step(by admin: Admin) async throws -> JWTKeyDocument {
        try await JWTKeyDocument(admin.client.jwtKeyActivate(.init(), options: Admin.options).key)
    }
}

struct JWTKeyTaintCommand: StepCommand {
    static let configuration = CommandConfiguration(
        commandName: "taint", abstract: "Have nothing given out any more that a retired key signed.")
    static let outcome = "is tainted"

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Its ID, or as much of its beginning as only this one has; after -- where that is a hyphen.")
    var keyID: String

    func step(by admin: Admin) async throws -> JWTKeyDocument {
        var request = Podshield_Admin_V1_JWTKeyTaintRequest()
        request.keyID = keyID
        return try await JWTKeyDocument(admin.client.jwtKeyTaint(request, options: Admin.options).key)
    }
}

struct JWTKeyRevokeCommand: StepCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Have what a tainted or prepared key signed refused by everybody, for good.")
    static let outcome = "is published no more"

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Its ID, or as much of its beginning as only this one has; after -- where that is a hyphen.")
    var keyID: String

    @Flag(
        help: """
            Also if it is not tainted, or another authority's, or the one that signs: another signs at once then, whose tokens \
            verifiers refuse until they have fetched the keys.
            """)
    var force = false

    func step(by admin: Admin) async throws -> JWTKeyDocument {
        var request = Podshield_Admin_V1_JWTKeyRevokeRequest()
        request.keyID = keyID
        request.force = force
        return try await JWTKeyDocument(admin.client.jwtKeyRevoke(request, options: Admin.options).key)
    }
}

extension JWTKeysDocument {
    fileprivate var table: [String] {
        var table = Table("KEY ID", "STATE", "UNTIL", "AUTHORITY")
        for key in keys {
            table.add(
                key.keyID, key.state + (key.tainted ? ", tainted" : ""), key.notAfter?.description ?? "",
                key.owner ?? "")
        }
        return table.lines
    }
}
