import AdminAPI
import ArgumentParser
import PrintableText

struct NodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "The nodes of the trust domain.",
        subcommands: [NodeListCommand.self, NodeBanCommand.self, NodeEvictCommand.self])
}

struct NodeListCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract:
            "All nodes of the directory, on an authority also those that are banned; the one that answers has a star.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let document = try await session.withAdmin { admin in
            NodesDocument(try await admin.client.nodeList(.init(), options: Admin.options))
        }
        if session.isJSON { try session.console.print(json: document) } else { session.console.print(document.table) }
    }
}

struct NodeBanCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "ban",
        abstract: "Shut a node out: all others let go of it and its pods, and it cannot join until it is evicted.")

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Its name or SPIFFE ID.")
    var node: String

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_NodeBanRequest()
        request.node = node
        let message = request
        let banned = try await session.withAdmin { admin in
            NodeDocument(try await admin.client.nodeBan(message, options: Admin.options).node)
        }
        if session.isJSON { return try session.console.print(json: banned) }
        session.console.print("node \(banned.name) is banned".printable)
    }
}

struct NodeEvictCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "evict",
        abstract: "Forget that a node has joined, and its ban. With a new token it may join again.")

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Its name or SPIFFE ID.")
    var node: String

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_NodeEvictRequest()
        request.node = node
        let message = request
        let evicted = try await session.withAdmin { admin in
            NodeDocument(try await admin.client.nodeEvict(message, options: Admin.options).node)
        }
        if session.isJSON { return try session.console.print(json: evicted) }
        session.console.print("node \(evicted.name) is evicted".printable)
    }
}

/// `psid node list -o json`.
struct NodesDocument: Encodable {
    let directoryRevision: UInt64
    let nodes: [NodeDocument]
}

/// `psid node ban|evict -o json`.
struct NodeDocument: Encodable {
    let name: String
    let spiffeID: String
    let number: UInt32
    let address: String
    let linkPort: UInt32
    let espPort: UInt32
    /// Prefixes that its pods may have; of a node of the directory only.
    let leases: [String]
    let isSelf: Bool
    let isBanned: Bool
}

extension NodeDocument {
    fileprivate init(_ node: Podshield_Admin_V1_Node) {
        name = node.name
        spiffeID = node.spiffeID
        number = node.number
        address = node.address
        linkPort = node.linkPort
        espPort = node.espPort
        leases = node.leases
        isSelf = node.isSelf
        isBanned = node.isBanned
    }
}

extension NodesDocument {
    init(_ response: Podshield_Admin_V1_NodeListResponse) {
        directoryRevision = response.directoryRevision
        nodes = response.nodes.map(NodeDocument.init)
    }

    fileprivate var table: [String] {
        var table = Table("NUMBER", "NAME", "ADDRESS", "LINK", "ESP", "BANNED", "LEASES")
        for node in nodes {
            table.add(
                "\(node.number)", node.name + (node.isSelf ? "*" : ""), node.address, "\(node.linkPort)",
                "\(node.espPort)", node.isBanned ? "yes" : "", node.leases.joined(separator: ","))
        }
        return table.lines
    }
}
