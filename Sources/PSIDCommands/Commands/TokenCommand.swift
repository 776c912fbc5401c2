import AdminAPI
import ArgumentParser
import PrintableText

struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "What lets nodes join.", subcommands: [TokenGenerateCommand.self])
}

struct TokenGenerateCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Print what a node's configuration needs to join, once.")

    @OptionGroup var options: GlobalOptions

    @Option(help: ArgumentHelp("Name that the node gets; without, it chooses.", valueName: "name"))
    var node = ""

    @Option(help: ArgumentHelp("Time until the token is worthless, such as 600 or 10m.", valueName: "time"))
    var ttl = Lifetime(seconds: 600)

    func validate() throws {
        guard ttl.seconds > 0 else { throw ValidationError("--ttl must be at least 1 second") }
    }

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_TokenGenerateRequest()
        request.node = node
        request.ttl = Int64(ttl.seconds)
        let message = request
        let document = try await session.withAdmin { admin in
            TokenDocument(try await admin.client.tokenGenerate(message, options: Admin.options))
        }
        if session.isJSON { try session.console.print(json: document) } else { session.console.print(document.lines) }
    }
}

/// `psid token generate -o json`.
struct TokenDocument: Encodable {
    let token: String
    let authorityAddress: String
    let rootFingerprint: String
    let expiresAt: Timestamp?
    let node: String?
}

extension TokenDocument {
    fileprivate init(_ response: Podshield_Admin_V1_TokenGenerateResponse) {
        token = response.token
        authorityAddress = response.authorityAddress
        rootFingerprint = response.rootFingerprint
        expiresAt = Timestamp(unix: response.expiresAt)
        node = response.node.known
    }

    /// The section of the node's configuration, to be pasted there.
    fileprivate var lines: [String] {
        let until = expiresAt.map { ", until \($0)" } ?? ""
        return [
            "# For \(node.map { "node \($0)" } ?? "one node")\(until).", "join:",
            "  authority: \"\(authorityAddress)\"", "  root-fingerprint: \(rootFingerprint)", "  token: \(token)",
        ].map(\.printable)
    }
}
