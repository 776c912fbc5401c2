import AdminAPI
import ArgumentParser

struct IssueCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue", abstract: "Show a pod's SVID, renew it, or write it out with its key.")

    @OptionGroup var options: GlobalOptions

    @Option(help: ArgumentHelp("The pod's name.", valueName: "name"))
    var pod: String

    @Option(help: "Its namespace, if the name alone does not say which.")
    var namespace = ""

    @Flag(help: "Have a new SVID issued for a new key.")
    var renew = false

    @Option(
        help: ArgumentHelp(
            "Write svid.pem, svid.key and bundle.pem there, all at once. The daemon logs that the key was given out.",
            valueName: "directory"))
    var out: String?

    func run(in session: Session) async throws {
        let request = request
        let response = try await session.withAdmin { admin in
            try await admin.client.issue(request, options: Admin.options)
        }
        let document = IssueDocument(response)
        if let out {
            try SVIDFiles(chain: document.chain, bundle: document.bundle, key: response.privateKey).write(to: out)
        }
        if session.isJSON { try session.console.print(json: document) } else { session.console.print(document.lines) }
    }

    private var request: Podshield_Admin_V1_IssueRequest {
        var request = Podshield_Admin_V1_IssueRequest()
        request.pod = pod
        request.namespace = namespace
        request.renew = renew
        request.wantKey = out != nil
        return request
    }
}
