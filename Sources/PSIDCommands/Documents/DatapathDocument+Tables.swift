extension DatapathDocument {
    /// One table after another; what is empty is left out.
    var lines: [String] {
        let tables = [
            programTable, counterTable, associationTable, podTable, peerTable, remoteTable, mapTable, eventTable,
        ]
        return tables.filter { $0.count > 1 }.flatMap { $0 + [""] }.dropLast()
    }

    private var programTable: [String] {
        var table = Table("PROGRAM", "ID", "TAG", "VERIFIED", "ATTACHED TO")
        for program in programs {
            let places = program.attachments.map { "\($0.interface ?? "#\($0.ifindex)") \($0.direction) (\($0.kind))" }
            table.add(
                program.name, "\(program.id)", program.tag, "\(program.verifiedInstructions)",
                places.joined(separator: ", "))
        }
        return table.lines
    }

    /// Reasons that no packet has met say nothing.
    private var counterTable: [String] {
        var table = Table("VERDICT", "REASON", "PACKETS", "BYTES")
        for counter in counters where counter.packets > 0 {
            table.add(counter.verdict, counter.reason, "\(counter.packets)", "\(counter.bytes)")
        }
        return table.lines
    }

    private var associationTable: [String] {
        var table = Table("DIRECTION", "SPI", "SLOT", "PEER", "IDENTITY", "SEQUENCE", "PACKETS", "BYTES")
        for association in associations {
            table.add(
                association.direction, association.spi.hexadecimal, "\(association.slot)", "\(association.peer)",
                "\(association.identity)", "\(association.sequence)", "\(association.packets)", "\(association.bytes)")
        }
        return table.lines
    }

    private var podTable: [String] {
        var table = Table("POD IFINDEX", "IDENTITY", "MAC", "MTU", "ADDRESSES")
        for pod in pods {
            table.add(
                "\(pod.ifindex)", "\(pod.identity)", pod.mac, "\(pod.mtu)", pod.addresses.joined(separator: ","))
        }
        return table.lines
    }

    private var peerTable: [String] {
        var table = Table("PEER NODE", "ADDRESS", "PORT", "FROM", "MTU")
        for peer in peers { table.add("\(peer.node)", peer.address, "\(peer.port)", peer.local, "\(peer.mtu)") }
        return table.lines
    }

    private var remoteTable: [String] {
        var table = Table("REMOTE ADDRESS", "NODE", "IDENTITY")
        for remote in remotes {
            table.add(remote.address, "\(remote.peer)", "\(remote.identity)")
        }
        return table.lines
    }

    private var mapTable: [String] {
        var table = Table("MAP", "ID", "ENTRIES", "OF")
        for map in maps {
            table.add(map.name, "\(map.id)", map.entries.map { "\($0)" } ?? "", "\(map.maxEntries)")
        }
        return table.lines
    }

    private var eventTable: [String] {
        var table = Table("EVENTS LOST", "HELD BACK", "PROTECTED")
        table.add("\(eventsLost)", "\(eventsLimited)", protected.joined(separator: ","))
        return table.lines
    }
}
