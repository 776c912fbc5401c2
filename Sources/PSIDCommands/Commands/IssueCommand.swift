import AdminAPI
import ArgumentParser
import LinuxBinding

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
        if let out { try write(response, to: out) }
        let document = IssueDocument(response)
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

    private func write(_ response: Podshield_Admin_V1_IssueResponse, to directory: String) throws {
        guard !response.privateKey.isEmpty else {
            throw CommandFailure(.failure, "podshield-idd has not given out the private key")
        }
        let document = IssueDocument(response)
        let members = [
            FileSet.Member("svid.pem", Array(document.chain.joined().utf8), mode: 0o644),
            FileSet.Member("svid.key", Array(PEM.encode(response.privateKey, "PRIVATE KEY").utf8), mode: 0o600),
            FileSet.Member("bundle.pem", Array(document.bundle.joined().utf8), mode: 0o644),
        ]
        try FileSet(directory: directory).replace(with: members)
    }
}
