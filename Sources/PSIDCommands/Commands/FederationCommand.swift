import AdminAPI
import ArgumentParser
import PrintableText

struct FederationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "federation", abstract: "Other trust domains whose bundles the authority fetches.",
        discussion: """
            What it fetches is handed on to workloads whose entries say --federates-with. Nodes trust nobody by it. SPIRE's flags are \
            understood: -trustDomain, -bundleEndpointURL, -bundleEndpointProfile, -endpointSpiffeID, -trustDomainBundlePath, -data.
            """,
        subcommands: [
            FederationCreateCommand.self, FederationUpdateCommand.self, FederationListCommand.self,
            FederationShowCommand.self, FederationRefreshCommand.self, FederationDeleteCommand.self,
        ])
}

struct TrustDomainChoice: ParsableArguments {
    @Option(help: ArgumentHelp("The other trust domain.", valueName: "name"))
    var trustDomain: String
}

struct FederationCreateCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Begin a relationship; the bundle is fetched within a second.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var fields: RelationshipFields

    func run(in session: Session) async throws {
        try await session.write(try fields.relationships()) { admin, wanted in
            var request = Podshield_Admin_V1_FederationCreateRequest()
            request.relationship = wanted.relationship
            if let bundle = wanted.bundle { request.bundle = bundle }
            return try await admin.client.federationCreate(request, options: Admin.options).relationship
        }
    }
}

struct FederationUpdateCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Replace all that a relationship says.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var fields: RelationshipFields

    func run(in session: Session) async throws {
        try await session.write(try fields.relationships()) { admin, wanted in
            var request = Podshield_Admin_V1_FederationUpdateRequest()
            request.relationship = wanted.relationship
            if let bundle = wanted.bundle { request.bundle = bundle }
            return try await admin.client.federationUpdate(request, options: Admin.options).relationship
        }
    }
}

struct FederationListCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "All relationships, and how they go.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let document = try await session.withAdmin {
            RelationshipsDocument(
                relationships: try await $0.client.federationList(.init(), options: Admin.options).relationships
                    .map(RelationshipDocument.init))
        }
        if session.isJSON { try session.console.print(json: document) } else { session.console.print(document.table) }
    }
}

struct FederationShowCommand: SessionCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "One relationship.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var choice: TrustDomainChoice

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_FederationListRequest()
        request.trustDomain = choice.trustDomain
        let message = request
        let found = try await session.withAdmin {
            try await $0.client.federationList(message, options: Admin.options).relationships
                .map(RelationshipDocument.init)
        }
        for document in found { try session.print(document) }
    }
}

struct FederationRefreshCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh", abstract: "Fetch a bundle now; what is held stays when that fails.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var choice: TrustDomainChoice

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_FederationRefreshRequest()
        request.trustDomain = choice.trustDomain
        let message = request
        try session.print(
            try await session.withAdmin {
                RelationshipDocument(
                    try await $0.client.federationRefresh(message, options: Admin.options).relationship)
            })
    }
}

struct FederationDeleteCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "End a relationship; the bundle that is held stays until psid bundle delete.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var choice: TrustDomainChoice

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_FederationDeleteRequest()
        request.trustDomain = choice.trustDomain
        let message = request
        let document = try await session.withAdmin {
            RelationshipDocument(try await $0.client.federationDelete(message, options: Admin.options).relationship)
        }
        if session.isJSON { return try session.console.print(json: document) }
        session.console.print("the bundle of \(document.trustDomain) is fetched no more".printable)
    }
}

extension Session {
    /// Writes each and prints what came of them.
    fileprivate func write(
        _ relationships: [FederationFile.Relationship],
        _ call:
            @escaping @Sendable (Admin, FederationFile.Relationship) async throws
            -> Podshield_Admin_V1_FederationRelationship
    ) async throws {
        let count = relationships.count
        let batch = try await each(of: relationships, called: "relationship", by: \.relationship.trustDomain) {
            RelationshipDocument(try await call($0, $1))
        }
        if count == 1 { return try print(batch.done[0]) }
        let document = RelationshipsDocument(relationships: batch.done)
        if isJSON { try console.print(json: document) } else { console.print(document.table) }
        if batch.failed > 0 { throw CommandFailure(.failure, "\(batch.failed) of \(count) relationships were refused") }
    }

    fileprivate func print(_ document: RelationshipDocument) throws {
        if isJSON { try console.print(json: document) } else { console.print(document.sheet.lines) }
    }
}

extension RelationshipDocument {
    fileprivate var sheet: Sheet {
        var sheet = Sheet()
        sheet.add("trust domain", trustDomain)
        sheet.add("endpoint", url)
        sheet.add("profile", [profile, endpointSPIFFEID].compactMap(\.self).joined(separator: ", "))
        sheet.add("bundle of", refreshedAt?.description ?? "none is held yet")
        sheet.add("last failure", failure)
        return sheet
    }
}

extension RelationshipsDocument {
    fileprivate var table: [String] {
        var table = Table("TRUST DOMAIN", "ENDPOINT", "PROFILE", "BUNDLE OF", "LAST FAILURE")
        for each in relationships {
            table.add(each.trustDomain, each.url, each.profile, each.refreshedAt?.description ?? "", each.failure ?? "")
        }
        return table.lines
    }
}
