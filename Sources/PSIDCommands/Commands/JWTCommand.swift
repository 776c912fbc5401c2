import AdminAPI
import ArgumentParser

struct JWTCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jwt", abstract: "Tokens by which workloads show who they are.",
        subcommands: [JWTMintCommand.self])
}

struct JWTMintCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "mint", abstract: "Print a JWT-SVID, for whom no entry is needed. The authority logs it.")

    @OptionGroup var options: GlobalOptions

    @Option(name: .customLong("spiffe-id"), help: ArgumentHelp("Whose it is.", valueName: "id"))
    var spiffeID: String

    @Option(help: ArgumentHelp("To whom it can be shown; repeat for more.", valueName: "name"))
    var audience: [String] = []

    @Option(
        help: ArgumentHelp(
            "Time until it is worthless, such as 300 or 5m; the authority's setting without.", valueName: "time"))
    var ttl = Lifetime(seconds: 0)

    func validate() throws {
        guard !audience.isEmpty else { throw ValidationError("for whom? Give at least one --audience") }
    }

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_MintJWTRequest()
        request.spiffeID = spiffeID
        request.audience = audience
        request.ttl = Int64(ttl.seconds)
        let message = request
        let document = try await session.withAdmin { admin in
            JWTDocument(try await admin.client.mintJWT(message, options: Admin.options))
        }
        if session.isJSON { try session.console.print(json: document) } else { session.console.print(document.token) }
    }
}

/// `psid jwt mint -o json`.
struct JWTDocument: Encodable {
    let token: String
    let spiffeID: String
    let audience: [String]
    let expiresAt: Timestamp?
    let keyID: String
}

extension JWTDocument {
    fileprivate init(_ response: Podshield_Admin_V1_MintJWTResponse) {
        token = response.token
        spiffeID = response.spiffeID
        audience = response.audience
        expiresAt = Timestamp(unix: response.expiresAt)
        keyID = response.keyID
    }
}
