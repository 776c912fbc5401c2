import Addressing
import BPFBinding
import CPodshieldABI
import Identity
import PrintableText

extension Datapath {
    /// Packets and bytes by outcome since the maps were made; outcomes that never happened are left out.
    public func counters() throws(DatapathError) -> [OutcomeCounter] {
        var counters: [OutcomeCounter] = []
        for outcome in PacketOutcome.allCases {
            let values = try kernel { () throws(BPFError) in
                try maps[.counters].valuesPerCPU(at: outcome.rawValue, as: ps_counter.self)
            }
            let packets = values.reduce(0) { $0 &+ $1.packets }
            guard packets > 0 else { continue }
            let bytes = values.reduce(0) { $0 &+ $1.bytes }
            counters.append(OutcomeCounter(outcome: outcome, packets: packets, bytes: bytes))
        }
        return counters
    }

    /// Events that the kernel could not tell: the ring was full, or more than the configured rate.
    public func kernelEventsLost() throws(DatapathError) -> (ringFull: UInt64, limited: UInt64) {
        let (full, limited) = try kernel { () throws(BPFError) in
            (
                try maps[.eventLost].valuesPerCPU(at: UInt32(0), as: UInt64.self),
                try maps[.eventLost].valuesPerCPU(at: UInt32(1), as: UInt64.self)
            )
        }
        return (full.reduce(0, &+), limited.reduce(0, &+))
    }

    /// Events that reached us and were lost on the way to the reader of `events`.
    public nonisolated var eventsDropped: UInt64 { eventReader.dropped }

    /// Names of the tables that have no room for another entry.
    public func fullTables() throws(DatapathError) -> [String] {
        var full: [String] = []
        for kind in [DatapathMap.pods, .local, .peers, .remote, .saIn, .saOut] {
            guard let count = try entries(kind), count >= maps[kind].layout.maxEntries else { continue }
            full.append(kind.rawValue)
        }
        return full
    }

    /// Everything but keys.
    public func snapshot() throws(DatapathError) -> DatapathSnapshot {
        let lost = try kernelEventsLost()
        return DatapathSnapshot(
            programs: try programSnapshots(), maps: try mapSnapshots(),
            securityAssociations: try inboundSnapshots() + outboundSnapshots(), pods: try podSnapshots(),
            peers: try peerSnapshots(), remotes: try remoteSnapshots(),
            protected: try protected().map(\.description).sorted(), counters: try counters(),
            eventsLost: lost.ringFull &+ eventsDropped, eventsLimited: lost.limited)
    }

    private func programSnapshots() throws(DatapathError) -> [DatapathSnapshot.Program] {
        let attached = try attachments.all()
        return DatapathHook.allCases.compactMap { hook in
            programs[hook].map { program in
                DatapathSnapshot.Program(
                    name: program.name, id: program.id, tag: program.tag,
                    verifiedInstructions: program.verifiedInstructions,
                    attachments: attached.filter { $0.place.hook == hook }.map {
                        DatapathSnapshot.Attachment(
                            interface: $0.place.interface, direction: $0.place.direction.rawValue,
                            kind: $0.kind.rawValue)
                    })
            }
        }
    }

    private func mapSnapshots() throws(DatapathError) -> [DatapathSnapshot.Map] {
        var snapshots: [DatapathSnapshot.Map] = []
        for kind in DatapathMap.allCases {
            let map = maps[kind]
            snapshots.append(
                DatapathSnapshot.Map(
                    name: kind.rawValue, id: map.id, entries: try entries(kind), maxEntries: map.layout.maxEntries))
        }
        return snapshots
    }

    private func entries(_ kind: DatapathMap) throws(DatapathError) -> Int? {
        switch kind {
        case .saIn, .inLive, .inWindow, .usageIn: inbound.published.count
        case .saOut, .usageOut: outbound.active.count
        case .outIndex: try count(kind, ps_out_key.self)
        case .peers, .pods: try count(kind, UInt32.self)
        case .remote, .local: try count(kind, ps_addr.self)
        case .bindings: try count(kind, ps_binding_key.self)
        case .protected: try count(kind, ps_lpm_key.self)
        case .config, .flows, .counters, .events, .eventLost: nil
        }
    }

    private func count<Key: BitwiseCopyable>(_ kind: DatapathMap, _: Key.Type) throws(DatapathError) -> Int {
        try kernel { () throws(BPFError) in try maps[kind].keys(as: Key.self).count }
    }

    private func inboundSnapshots() throws(DatapathError) -> [DatapathSnapshot.SA] {
        var snapshots: [DatapathSnapshot.SA] = []
        for (slot, parameters) in inbound.published {
            snapshots.append(
                DatapathSnapshot.SA(
                    .inbound, slot, parameters, sequence: try inbound.top(of: slot),
                    usage: try inbound.usage(of: parameters.spi)))
        }
        return snapshots
    }

    private func outboundSnapshots() throws(DatapathError) -> [DatapathSnapshot.SA] {
        var snapshots: [DatapathSnapshot.SA] = []
        for (slot, parameters) in outbound.active {
            snapshots.append(
                DatapathSnapshot.SA(
                    .outbound, slot, parameters, sequence: try outbound.sequence(of: slot),
                    usage: try outbound.usage(of: slot)))
        }
        return snapshots
    }

    private func podSnapshots() throws(DatapathError) -> [DatapathSnapshot.Pod] {
        try pods().map { pod in
            DatapathSnapshot.Pod(
                interface: pod.ifindex, identity: pod.identity.rawValue,
                mac: pod.mac.hexadecimal(separator: ":"), mtu: pod.mtu,
                addresses: pod.addresses.map(\.description))
        }
    }

    private func peerSnapshots() throws(DatapathError) -> [DatapathSnapshot.Peer] {
        try entries(of: .peers, UInt32.self, ps_peer.self).map { node, peer in
            DatapathSnapshot.Peer(
                node: node, address: IPAddress(peer.remote).description, local: IPAddress(peer.local).description,
                port: peer.port, mtu: peer.mtu)
        }.sorted { $0.node < $1.node }
    }

    private func remoteSnapshots() throws(DatapathError) -> [DatapathSnapshot.Remote] {
        try entries(of: .remote, ps_addr.self, ps_remote.self).map { (IPAddress($0), $1) }
            .sorted { $0.0 < $1.0 }.map { address, remote in
                DatapathSnapshot.Remote(
                    address: address.description, peer: remote.peer, identity: remote.identity)
            }
    }

    private func entries<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        of kind: DatapathMap, _: Key.Type, _: Value.Type
    ) throws(DatapathError) -> [(Key, Value)] {
        try kernel { () throws(BPFError) in
            let map = maps[kind]
            var entries: [(Key, Value)] = []
            for key in try map.keys(as: Key.self) {
                if let value = try map.value(at: key, as: Value.self) { entries.append((key, value)) }
            }
            return entries
        }
    }
}

extension DatapathSnapshot.SA {
    fileprivate init(
        _ direction: SADirection, _ slot: Int, _ parameters: SAParameters, sequence: UInt64, usage: ps_sa_usage
    ) {
        self.init(
            direction: direction, spi: parameters.spi, slot: UInt32(slot), peer: parameters.peer.rawValue,
            identity: parameters.identity.rawValue, sequence: sequence, packets: usage.packets, bytes: usage.bytes,
            lastUsed: usage.last_ns, deadline: parameters.deadline)
    }
}
