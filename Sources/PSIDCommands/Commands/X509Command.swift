import AdminAPI
import ArgumentParser
import PrintableText

struct X509Command: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "x509", abstract: "Certificates by which workloads show who they are.",
        subcommands: [X509MintCommand.self])
}

struct X509MintCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "mint", abstract: "Write an X.509-SVID with a new key, for whom no entry is needed.",
        discussion: "It is bound to no node: no pod can be it. The authority logs it and keeps no copy of the key.")

    @OptionGroup var options: GlobalOptions

    @Option(name: .customLong("spiffe-id"), help: ArgumentHelp("Whose it is.", valueName: "id"))
    var spiffeID: String

    @Option(help: ArgumentHelp("Write svid.pem, svid.key and bundle.pem there, all at once.", valueName: "directory"))
    var out: String?

    @Option(help: ArgumentHelp("The same by SPIRE's names: svid.pem, key.pem and bundle.pem.", valueName: "directory"))
    var write: String?

    @Option(
        help: ArgumentHelp("Its lifetime, such as 3600 or 1h; the authority's setting without.", valueName: "time"))
    var ttl = Lifetime(seconds: 0)

    @Option(name: .customLong("dns"), help: ArgumentHelp("A DNS name in it; repeat for more.", valueName: "name"))
    var dnsNames: [String] = []

    func validate() throws {
        guard (out == nil) != (write == nil) else { throw ValidationError("where to? Give one of --out and --write") }
    }

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_MintX509Request()
        request.spiffeID = spiffeID
        request.ttl = Int64(ttl.seconds)
        request.dnsNames = dnsNames
        let message = request
        let response = try await session.withAdmin { admin in
            try await admin.client.mintX509(message, options: Admin.options)
        }
        let document = MintedDocument(response)
        let files = SVIDFiles(chain: document.chain, bundle: document.bundle, key: response.privateKey)
        if let out { try files.write(to: out) }
        if let write { try files.write(to: write, as: .minted) }
        if session.isJSON { try session.console.print(json: document) } else { session.console.print(document.lines) }
    }
}

/// `psid x509 mint -o json`. The private key is never in it.
struct MintedDocument: Encodable {
    let spiffeID: String
    let serial: String
    let notBefore: Timestamp?
    let notAfter: Timestamp?
    /// PEM, leaf first, without the root.
    let chain: [String]
    /// PEM, the roots of the trust domain.
    let bundle: [String]
}

extension MintedDocument {
    fileprivate init(_ response: Podshield_Admin_V1_MintX509Response) {
        spiffeID = response.spiffeID
        serial = response.serial
        notBefore = Timestamp(unix: response.notBefore)
        notAfter = Timestamp(unix: response.notAfter)
        chain = response.chain.map { PEM.encode($0, "CERTIFICATE") }
        bundle = response.bundle.map { PEM.encode($0, "CERTIFICATE") }
    }

    fileprivate var lines: [String] {
        var sheet = Sheet()
        sheet.add("serial", serial)
        sheet.add("valid from", notBefore?.description)
        sheet.add("until", notAfter?.description)
        return [spiffeID.printable] + sheet.lines.map { "  \($0)" }
    }
}
