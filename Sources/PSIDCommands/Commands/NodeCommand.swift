import AdminAPI
import ArgumentParser

struct NodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "The nodes of the trust domain.", subcommands: [NodeListCommand.self])
}

struct NodeListCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "All nodes of the directory; the one that answers has a star.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let document = try await session.withAdmin { admin in
            NodesDocument(try await admin.client.nodeList(.init(), options: Admin.options))
        }
        if session.isJSON { try session.console.print(json: document) } else { session.console.print(document.table) }
    }
}

/// `psid node list -o json`.
struct NodesDocument: Encodable {
    let directoryRevision: UInt64
    let nodes: [Node]

    struct Node: Encodable {
        let name: String
        let spiffeID: String
        let number: UInt32
        let address: String
        let linkPort: UInt32
        let espPort: UInt32
        /// Prefixes that its pods may have.
        let leases: [String]
        let isSelf: Bool
    }
}

extension NodesDocument {
    fileprivate init(_ response: Podshield_Admin_V1_NodeListResponse) {
        directoryRevision = response.directoryRevision
        nodes = response.nodes.map { node in
            Node(
                name: node.name, spiffeID: node.spiffeID, number: node.number, address: node.address,
                linkPort: node.linkPort, espPort: node.espPort, leases: node.leases, isSelf: node.isSelf)
        }
    }

    fileprivate var table: [String] {
        var table = Table("NUMBER", "NAME", "ADDRESS", "LINK", "ESP", "LEASES")
        for node in nodes {
            table.add(
                "\(node.number)", node.name + (node.isSelf ? "*" : ""), node.address, "\(node.linkPort)",
                "\(node.espPort)", node.leases.joined(separator: ","))
        }
        return table.lines
    }
}
