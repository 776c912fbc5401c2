import AdminAPI
import ArgumentParser

struct PeersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peers", abstract: "Other nodes and the keys agreed on with them.",
        subcommands: [PeersListCommand.self, PeersRekeyCommand.self], defaultSubcommand: PeersListCommand.self)
}

struct PeersListCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "All nodes that this one has, or should have, a session with.")

    @OptionGroup var options: GlobalOptions

    @Flag(help: "Also list the security associations.")
    var associations = false

    func run(in session: Session) async throws {
        let document = try await session.withAdmin { admin in
            PeersDocument(try await admin.client.peers(.init(), options: Admin.options))
        }
        if session.isJSON { return try session.console.print(json: document) }
        session.console.print(document.table)
        if associations { session.console.print([""] + document.associationTable) }
    }
}

struct PeersRekeyCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "rekey", abstract: "Agree on new keys now; the old are used until the new are confirmed.")

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Name or SPIFFE ID of a node; all without one.")
    var peer = ""

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_RekeyRequest()
        request.peer = peer
        let message = request
        let document = try await session.withAdmin { admin in
            RekeyDocument(try await admin.client.rekey(message, options: Admin.options))
        }
        if session.isJSON {
            try session.console.print(json: document)
        } else {
            session.console.print(document.table)
        }
        if document.outcomes.contains(where: { $0.error != nil }) { throw CommandFailure(.failure) }
    }
}

extension PeersDocument {
    fileprivate var table: [String] {
        var table = Table("NAME", "STATE", "ADDRESS", "SUITE", "POST-QUANTUM", "KEYS UNTIL", "SAS IN/OUT", "ERROR")
        for peer in peers {
            let inbound = peer.associations.count { $0.direction == "inbound" }
            table.add(
                peer.name, peer.state, peer.address, peer.suite ?? "", peer.suite == nil ? "" : peer.postQuantum.yesNo,
                peer.epochEndsAt?.description ?? "", "\(inbound)/\(peer.associations.count - inbound)",
                peer.lastError ?? "")
        }
        return table.lines
    }

    fileprivate var associationTable: [String] {
        var table = Table("PEER", "DIRECTION", "SPI", "IDENTITY", "SPIFFE ID", "UNTIL", "PACKETS", "BYTES")
        for peer in peers {
            for association in peer.associations {
                table.add(
                    peer.name, association.direction, association.spi.hexadecimal, "\(association.identity)",
                    association.spiffeID ?? "", association.deadline?.description ?? "", "\(association.packets)",
                    "\(association.bytes)")
            }
        }
        return table.lines
    }
}

extension RekeyDocument {
    fileprivate var table: [String] {
        var table = Table("PEER", "NEW EPOCH", "ERROR")
        for outcome in outcomes { table.add(outcome.peer, outcome.epoch ?? "", outcome.error ?? "") }
        return table.lines
    }
}
