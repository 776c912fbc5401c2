import ArgumentParser
import Foundation
import GRPCCore
import WorkloadProtocol

struct APICommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api",
        abstract: "Ask the Workload API as a workload would, with whatever identity this process has.",
        subcommands: [APIFetchCommand.self, APIWatchCommand.self, APIValidateCommand.self])
}

/// What all calls of the Workload API take.
struct WorkloadOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Its socket; $SPIFFE_ENDPOINT_SOCKET without, and this machine's without that.", valueName: "uri"))
    var endpoint: WorkloadEndpoint?

    func found() throws(CommandFailure) -> WorkloadEndpoint {
        if let endpoint { return endpoint }
        return try WorkloadEndpoint.found()
    }
}

struct APIFetchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Fetch what this process is entitled to.",
        subcommands: [APIFetchX509Command.self, APIFetchJWTCommand.self], defaultSubcommand: APIFetchX509Command.self)
}

struct APIFetchX509Command: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "x509", abstract: "Show X.509-SVIDs; write one out with its key.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var workload: WorkloadOptions

    @Option(
        name: [.long, .customLong("out")],
        help: ArgumentHelp("Write svid.pem, svid.key and bundle.pem there, all at once.", valueName: "directory"))
    var write: String?

    @Option(
        name: .customLong("spiffe-id"),
        help: ArgumentHelp("Only this one; without, the first is written.", valueName: "id"))
    var spiffeID: String?

    func run(in session: Session) async throws {
        let response = try await session.withWorkloadAPI(at: workload.found()) { client in
            try await client.fetchX509SVID(.init(), metadata: WorkloadEndpoint.header, options: Admin.options) {
                try await $0.messages.first { _ in true }
            }
        }
        let svids = (response?.svids ?? []).filter { spiffeID == nil || $0.spiffeID == spiffeID }
        guard let first = svids.first else {
            throw CommandFailure(.notFound, "this process has no SVID\(spiffeID.map { " of \($0)" } ?? "")")
        }
        let document = try WorkloadSVIDsDocument(svids, federatedBundles: response?.federatedBundles ?? [:])
        if let write {
            let shown = document.svids[0]
            try SVIDFiles(chain: shown.chain, bundle: shown.bundle, key: first.x509SvidKey).write(to: write)
        }
        if session.isJSON { try session.console.print(json: document) } else { session.console.print(document.lines) }
    }
}

struct APIFetchJWTCommand: SessionCommand {
    static let configuration = CommandConfiguration(commandName: "jwt", abstract: "Print JWT-SVIDs, one a line.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var workload: WorkloadOptions

    @Option(help: ArgumentHelp("To whom it can be shown; repeat for more.", valueName: "name"))
    var audience: [String] = []

    @Option(name: .customLong("spiffe-id"), help: ArgumentHelp("Only of this identity.", valueName: "id"))
    var spiffeID = ""

    func validate() throws {
        guard !audience.isEmpty else { throw ValidationError("for whom? Give at least one --audience") }
    }

    func run(in session: Session) async throws {
        var request = JWTSVIDRequest()
        request.audience = audience
        request.spiffeID = spiffeID
        let message = request
        let response = try await session.withWorkloadAPI(at: workload.found()) { client in
            try await client.fetchJWTSVID(message, metadata: WorkloadEndpoint.header, options: Admin.options)
        }
        let document = WorkloadTokensDocument(response)
        if session.isJSON {
            try session.console.print(json: document)
        } else {
            session.console.print(document.tokens.map(\.token))
        }
    }
}

struct APIWatchCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Show X.509-SVIDs each time that they change, until interrupted.",
        discussion: "With -o json, one document a line.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var workload: WorkloadOptions

    func run(in session: Session) async throws {
        let (console, isJSON) = (session.console, session.isJSON)
        try await session.withWorkloadAPI(at: workload.found()) { client in
            let options = Admin.options(within: nil)
            try await client.fetchX509SVID(.init(), metadata: WorkloadEndpoint.header, options: options) { response in
                for try await message in response.messages {
                    let document = try WorkloadSVIDsDocument(
                        message.svids, federatedBundles: message.federatedBundles)
                    if isJSON { try console.print(jsonLine: document) } else { console.print(document.lines) }
                }
            }
        }
        throw CommandFailure(.notReachable, "podshield-idd has stopped")
    }
}

struct APIValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Have it judge what somebody shows.",
        subcommands: [APIValidateJWTCommand.self])
}

struct APIValidateJWTCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "jwt", abstract: "Whose token it is, and what it says; exit status 1 if it does not hold.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var workload: WorkloadOptions

    @Option(help: ArgumentHelp("Who judges: it must be made for that one.", valueName: "name"))
    var audience: String

    @Option(
        help: ArgumentHelp(
            "The token; - reads it from standard input, where no other process sees it.", valueName: "token"))
    var svid: String

    func run(in session: Session) async throws {
        var request = ValidateJWTSVIDRequest()
        request.audience = audience
        request.svid = svid == "-" ? readLine() ?? "" : svid
        let message = request
        let response = try await session.withWorkloadAPI(at: workload.found()) { client in
            try await client.validateJWTSVID(message, metadata: WorkloadEndpoint.header, options: Admin.options)
        }
        let document = try ValidatedTokenDocument(response)
        if session.isJSON {
            try session.console.print(json: document)
        } else {
            session.console.print(try document.lines)
        }
    }
}
