import ArgumentParser
import Foundation
import GRPCCore
import LinuxBinding
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
        commandName: "x509", abstract: "Show X.509-SVIDs; write them out with their keys.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var workload: WorkloadOptions

    @Option(
        help: ArgumentHelp(
            "Write the first as svid.pem, svid.key and bundle.pem there, all at once.", valueName: "directory"))
    var out: String?

    @Option(
        help: ArgumentHelp(
            """
            Write each there as SPIRE does: svid.N.pem, svid.N.key, bundle.N.pem and federated_bundle.N.M.pem, from 0 on.
            """, valueName: "directory"))
    var write: String?

    @Option(name: .customLong("spiffe-id"), help: ArgumentHelp("Only this one.", valueName: "id"))
    var spiffeID: String?

    func validate() throws {
        guard out == nil || write == nil else { throw ValidationError("--out and --write are two ways to write") }
    }

    func run(in session: Session) async throws {
        let response = try await session.withWorkloadAPI(at: workload.found()) { client in
            try await client.fetchX509SVID(.init(), metadata: WorkloadEndpoint.header, options: Admin.options) {
                try await $0.messages.first { _ in true }
            }
        }
        let svids = (response?.svids ?? []).filter { spiffeID == nil || $0.spiffeID == spiffeID }
        guard !svids.isEmpty else {
            throw CommandFailure(.notFound, "this process has no SVID\(spiffeID.map { " of \($0)" } ?? "")")
        }
        let document = try WorkloadSVIDsDocument(svids, federatedBundles: response?.federatedBundles ?? [:])
        let files = document.files(keys: svids.map(\.x509SvidKey))
        if let out { try files[0].write(to: out) }
        if let write { try FileSet(directory: write).replace(with: document.members(files)) }
        if session.isJSON { try session.console.print(json: document) } else { session.console.print(document.lines) }
    }
}

extension WorkloadSVIDsDocument {
    /// - Parameter keys: in the order of the SVIDs.
    fileprivate func files(keys: [Data]) -> [SVIDFiles] {
        zip(svids, keys).map { SVIDFiles(chain: $0.chain, bundle: $0.bundle, key: $1) }
    }

    /// All of them, each with all foreign bundles beside it, in the order of their trust domains.
    fileprivate func members(_ files: [SVIDFiles]) throws -> [FileSet.Member] {
        let foreign = (federatedBundles ?? [:]).sorted { $0.key < $1.key }
        return try files.enumerated().flatMap { number, files in
            try files.members(.fetched(number))
                + foreign.enumerated().map { .certificates($1.value, "federated_bundle.\(number).\($0).pem") }
        }
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
