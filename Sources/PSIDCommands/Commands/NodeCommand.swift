import AdminAPI
import ArgumentParser
import PrintableText

struct NodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "The nodes of the trust domain.",
        discussion: "SPIRE's -spiffeID is understood, and its name for this command.",
        subcommands: [
            NodeListCommand.self, NodeShowCommand.self, NodeCountCommand.self, NodeBanCommand.self,
            NodeEvictCommand.self,
        ], aliases: ["agent"])
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

struct NodeShowCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "One node: where it is, how it joined, which addresses are leased to it.")

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Its name or SPIFFE ID.")
    var node: String

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_NodeListRequest()
        request.node = node
        let message = request
        let answer = try await session.withAdmin { try await $0.client.nodeList(message, options: Admin.options) }
        guard let node = answer.nodes.first.map(NodeDocument.init) else {
            throw CommandFailure(.notFound, "there is no node \(node.quoted)")
        }
        if session.isJSON { try session.console.print(json: node) } else { session.console.print(node.sheet.lines) }
    }
}

struct NodeCountCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "count", abstract: "How many nodes there are, those of `list`.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let answer = try await session.withAdmin { try await $0.client.nodeList(.init(), options: Admin.options) }
        try session.print(count: answer.nodes.count)
    }
}

struct NodeBanCommand: NodeChangeCommand {
    static let configuration = CommandConfiguration(
        commandName: "ban",
        abstract: "Shut a node out: all others let go of it and its pods, and it cannot join until it is evicted.")
    static let outcome = "banned"

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Its name or SPIFFE ID.")
    var node: String

    static func change(_ node: String, by admin: Admin) async throws -> Podshield_Admin_V1_Node {
        var request = Podshield_Admin_V1_NodeBanRequest()
        request.node = node
        return try await admin.client.nodeBan(request, options: Admin.options).node
    }
}

struct NodeEvictCommand: NodeChangeCommand {
    static let configuration = CommandConfiguration(
        commandName: "evict",
        abstract: "Forget that a node has joined, and its ban. With a new token, or its certificate, it may join again."
    )
    static let outcome = "evicted"

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Its name or SPIFFE ID.")
    var node: String

    static func change(_ node: String, by admin: Admin) async throws -> Podshield_Admin_V1_Node {
        var request = Podshield_Admin_V1_NodeEvictRequest()
        request.node = node
        return try await admin.client.nodeEvict(request, options: Admin.options).node
    }
}

/// Does something to one node of the registry.
protocol NodeChangeCommand: SessionCommand {
    /// What the node is then.
    static var outcome: String { get }

    var node: String { get }

    static func change(_ node: String, by admin: Admin) async throws -> Podshield_Admin_V1_Node
}

extension NodeChangeCommand {
    func run(in session: Session) async throws {
        let node = node
        let changed = try await session.withAdmin { NodeDocument(try await Self.change(node, by: $0)) }
        if session.isJSON { return try session.console.print(json: changed) }
        session.console.print("node \(changed.name) is \(Self.outcome)".printable)
    }
}

/// `psid node list -o json`.
struct NodesDocument: Encodable {
    let directoryRevision: UInt64
    let nodes: [NodeDocument]
}

/// `psid node show|ban|evict -o json`.
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
    /// `join-token`, `x509pop`, `k8s-psat` or `tpm`; on an authority only.
    let joinedBy: String?
    /// Of a certificate or a TPM, the SHA-256 of its key; in a cluster, the UID of its node.
    let joinedAs: String?
    /// Of the last time; on an authority only.
    let joinedAt: Timestamp?
    /// Of its newest SVID, lower-case hexadecimal; on an authority only.
    let serial: String?
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
        joinedBy = node.joinedBy.known
        joinedAs = node.joinedAs.known
        joinedAt = Timestamp(unix: node.joinedAt)
        serial = node.serial.known
    }
}

extension NodeDocument {
    fileprivate var sheet: Sheet {
        var sheet = Sheet()
        sheet.add("node", name)
        sheet.add("SPIFFE ID", spiffeID)
        sheet.add("number", "\(number)")
        sheet.add("address", "\(address), link port \(linkPort), ESP port \(espPort)")
        sheet.add("leases", leases.isEmpty ? nil : leases.joined(separator: ", "))
        sheet.add("joined by", [joinedBy, joinedAs].compactMap(\.self).joined(separator: ", ").known)
        sheet.add("joined at", joinedAt?.description)
        sheet.add("serial", serial)
        sheet.add("banned", isBanned ? "yes" : nil)
        return sheet
    }
}

extension NodesDocument {
    init(_ response: Podshield_Admin_V1_NodeListResponse) {
        directoryRevision = response.directoryRevision
        nodes = response.nodes.map(NodeDocument.init)
    }

    fileprivate var table: [String] {
        var table = Table("NUMBER", "NAME", "ADDRESS", "LINK", "ESP", "JOINED BY", "BANNED", "LEASES")
        for node in nodes {
            table.add(
                "\(node.number)", node.name + (node.isSelf ? "*" : ""), node.address, "\(node.linkPort)",
                "\(node.espPort)", node.joinedBy ?? "", node.isBanned ? "yes" : "", node.leases.joined(separator: ","))
        }
        return table.lines
    }
}
