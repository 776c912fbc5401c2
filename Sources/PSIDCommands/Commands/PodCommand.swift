import AdminAPI
import ArgumentParser
import PrintableText

struct PodCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pod", abstract: "The pods of this node.",
        subcommands: [PodAddCommand.self, PodListCommand.self, PodRemoveCommand.self])
}

struct PodAddCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Hook a pod's interface and have its identity issued.")

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Its name, unique in its namespace.")
    var name: String

    @Option(help: "Its Kubernetes namespace.")
    var namespace = "default"

    @Option(help: ArgumentHelp("Its service account.", valueName: "name"))
    var serviceAccount = "default"

    @Option(help: ArgumentHelp("A label of it; repeat for more.", valueName: "key=value"))
    var label: [Assignment] = []

    @Option(help: ArgumentHelp("Its network namespace: /run/netns/NAME or /proc/PID/ns/net.", valueName: "path"))
    var netns: String

    @Option(help: ArgumentHelp("Its interface inside, if it has more than one.", valueName: "name"))
    var interface = ""

    @Option(help: ArgumentHelp("Its UID in Kubernetes, by which brokers may refer to it.", valueName: "uuid"))
    var uid = ""

    func validate() throws { _ = try label.labels() }

    func run(in session: Session) async throws {
        let request = try request()
        let pod = try await session.withAdmin { admin in
            PodDocument(try await admin.client.podAdd(request, options: Admin.options).pod)
        }
        if session.isJSON { try session.console.print(json: pod) } else { session.console.print(pod.sheet.lines) }
    }

    private func request() throws -> Podshield_Admin_V1_PodAddRequest {
        var request = Podshield_Admin_V1_PodAddRequest()
        request.facts.name = name
        request.facts.namespace = namespace
        request.facts.serviceAccount = serviceAccount
        request.facts.labels = try label.labels()
        request.facts.netns = netns
        request.facts.interface = interface
        request.facts.uid = uid
        return request
    }
}

struct PodListCommand: SessionCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "All pods, or those of a namespace.")

    @OptionGroup var options: GlobalOptions

    @Option(help: "Only pods of this namespace.")
    var namespace = ""

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_PodListRequest()
        request.namespace = namespace
        let message = request
        let document = try await session.withAdmin { admin in
            PodsDocument(
                pods: try await admin.client.podList(message, options: Admin.options).pods.map(PodDocument.init))
        }
        if session.isJSON { try session.console.print(json: document) } else { session.console.print(document.table) }
    }
}

struct PodRemoveCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Withdraw a pod: its packets have stopped when this returns.")

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Its name.")
    var name: String

    @Option(help: "Its namespace, if the name alone does not say which.")
    var namespace = ""

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_PodRemoveRequest()
        request.name = name
        request.namespace = namespace
        let message = request
        let pod = try await session.withAdmin { admin in
            PodDocument(try await admin.client.podRemove(message, options: Admin.options).pod)
        }
        if session.isJSON {
            try session.console.print(json: pod)
        } else {
            session.console.print("pod \(pod.namespace)/\(pod.name) is removed".printable)
        }
    }
}
