import BPFBinding
import CPodshieldABI
import Identity

/// The SAs with which we reach peers. Their SPIs are the peers' choice, so that only (peer, SPI) is unique.
struct OutboundTable {
    enum Slot: Equatable {
        case free
        /// The key is written; no packet uses it yet. `order` grows with every installation.
        case staged(SAParameters, order: UInt64)
        case active(SAParameters)
        case retiring(SAParameters)
    }

    /// Whose packets an active SA seals.
    struct Flow: Hashable {
        let peer: NodeNumber
        let identity: NumericIdentity
    }

    private(set) var slots: [Slot]
    private var installed: UInt64 = 0
    private let records: SASlots<ps_sa_out>
    private let index: BPFMap
    private let usage: BPFMap

    /// RFC 4303 section 2.2: without extended numbers the counter must not wrap.
    private static let sequenceLimit = UInt64(UInt32.max)

    init(_ maps: MapSet, slots count: Int) {
        records = SASlots(map: maps[.saOut])
        index = maps[.outIndex]
        usage = maps[.usageOut]
        slots = Array(repeating: .free, count: count)
    }

    // MARK: Life of an SA

    /// Writes the key into a random free slot, with sequence 0; nothing uses it yet.
    mutating func install(_ parameters: SAParameters, _ key: SAKeyWriter) throws(DatapathError) {
        guard let slot = slots.indices.filter({ slots[$0] == .free }).randomElement() else {
            throw .tableFull(.outbound)
        }
        try records.write(parameters, key, to: UInt32(slot))
        try kernel { () throws(BPFError) in try usage.clear(UInt32(slot)) }
        installed += 1
        slots[slot] = .staged(parameters, order: installed)
    }

    /// From now on the flow's packets use this SA. Returns the slots to wipe after a grace period: the one that it
    /// replaces, and those that were installed before it and never came into use.
    mutating func activate(spi: UInt32, _ flow: Flow) throws(DatapathError) -> [Int] {
        let staged = slots.indices.first { slot in
            guard case .staged(let parameters, _) = slots[slot] else { return false }
            return parameters.spi == spi && Flow(parameters) == flow
        }
        guard let staged, case .staged(let parameters, let order) = slots[staged] else {
            throw .unknownSA(spi: spi, .outbound)
        }
        let older = slots.indices.filter { isOlder($0, than: order, flow) }
        try publish(staged, parameters)
        slots[staged] = .active(parameters)
        return older.map { retire($0) }
    }

    private func isOlder(_ slot: Int, than order: UInt64, _ flow: Flow) -> Bool {
        switch slots[slot] {
        case .active(let parameters): Flow(parameters) == flow
        case .staged(let parameters, let other): Flow(parameters) == flow && other < order
        case .free, .retiring: false
        }
    }

    /// Moves the deadline of the one SA with this SPI, of `peer` where it is given.
    mutating func extend(_ spi: UInt32, peer: NodeNumber?, to deadline: UInt64) throws(DatapathError) {
        let slot = try find(spi, peer)
        switch slots[slot] {
        case .staged(var parameters, let order):
            parameters.deadline = deadline
            slots[slot] = .staged(parameters, order: order)
        case .active(var parameters):
            parameters.deadline = deadline
            try publish(slot, parameters)
            slots[slot] = .active(parameters)
        case .free, .retiring: throw .unknownSA(spi: spi, .outbound)
        }
    }

    /// No packet of the flow is sealed any more. Returns the slots to wipe: the active one and what was staged for it.
    mutating func deactivate(_ flow: Flow) throws(DatapathError) -> [Int] {
        let key = ps_out_key(peer: flow.peer.rawValue, identity: flow.identity.rawValue)
        try kernel { () throws(BPFError) in _ = try index.remove(key) }
        let ours = slots.indices.filter { slots[$0].isUsed && slots[$0].parameters.map(Flow.init) == flow }
        return ours.map { retire($0) }
    }

    /// After the grace period: nothing of the key is left, and the slot may be used again.
    mutating func wipe(_ slot: Int) throws(DatapathError) {
        try records.wipe(UInt32(slot))
        try kernel { () throws(BPFError) in try usage.clear(UInt32(slot)) }
        slots[slot] = .free
    }

    /// Of all SAs that are active or staged.
    var flows: Set<Flow> { Set(slots.filter(\.isUsed).compactMap(\.parameters).map(Flow.init)) }

    private mutating func retire(_ slot: Int) -> Int {
        if let parameters = slots[slot].parameters { slots[slot] = .retiring(parameters) }
        return slot
    }

    private func publish(_ slot: Int, _ parameters: SAParameters) throws(DatapathError) {
        let key = ps_out_key(peer: parameters.peer.rawValue, identity: parameters.identity.rawValue)
        let reference = ps_out_ref(
            slot: UInt32(slot), spi: parameters.spi, deadline_ns: parameters.deadline, seq_limit: Self.sequenceLimit)
        try kernel { () throws(BPFError) in try index.update(key, to: reference) }
    }

    private func find(_ spi: UInt32, _ peer: NodeNumber?) throws(DatapathError) -> Int {
        let found = slots.indices.filter { slot in
            guard slots[slot].isUsed, let parameters = slots[slot].parameters else { return false }
            return parameters.spi == spi && (peer == nil || parameters.peer == peer)
        }
        guard found.count < 2 else { throw .ambiguousSPI(spi) }
        guard let slot = found.first else { throw .unknownSA(spi: spi, .outbound) }
        return slot
    }

    // MARK: What the maps say

    /// Takes over what an earlier run published; returns the slots to wipe after a grace period.
    mutating func adopt() throws(DatapathError) -> [Int] {
        var orphans: [Int] = []
        for slot in slots.indices {
            guard let parameters = try records.parameters(of: UInt32(slot)) else { continue }
            slots[slot] = .retiring(parameters)
            orphans.append(slot)
        }
        let keys = try kernel { () throws(BPFError) in try index.keys(as: ps_out_key.self) }
        for key in keys {
            let entry = try kernel { () throws(BPFError) in try index.value(at: key, as: ps_out_ref.self) }
            guard let reference = entry else { continue }
            if adopt(key, reference) {
                orphans.removeAll { $0 == Int(reference.slot) }
            } else {
                try kernel { () throws(BPFError) in _ = try index.remove(key) }
            }
        }
        return orphans
    }

    /// Whether the entry leads to a slot that says the same of itself.
    private mutating func adopt(_ key: ps_out_key, _ reference: ps_out_ref) -> Bool {
        let slot = Int(reference.slot)
        guard slots.indices.contains(slot), var parameters = slots[slot].parameters,
            parameters.spi == reference.spi, parameters.peer.rawValue == key.peer,
            parameters.identity.rawValue == key.identity
        else { return false }
        parameters.deadline = reference.deadline_ns
        slots[slot] = .active(parameters)
        return true
    }

    var active: [(slot: Int, parameters: SAParameters)] {
        slots.enumerated().compactMap { slot, state in
            if case .active(let parameters) = state { (slot, parameters) } else { nil }
        }
    }

    func usage(of slot: Int) throws(DatapathError) -> ps_sa_usage {
        try kernel { () throws(BPFError) in try usage.value(at: UInt32(slot)) } ?? ps_sa_usage()
    }

    /// The last sequence number taken.
    func sequence(of slot: Int) throws(DatapathError) -> UInt64 { try records.sequence(of: UInt32(slot)) }
}

extension OutboundTable.Flow {
    init(_ parameters: SAParameters) { self.init(peer: parameters.peer, identity: parameters.identity) }
}

extension OutboundTable.Slot {
    var parameters: SAParameters? {
        switch self {
        case .free: nil
        case .staged(let parameters, _), .active(let parameters), .retiring(let parameters): parameters
        }
    }

    /// Staged or active.
    var isUsed: Bool {
        switch self {
        case .free, .retiring: false
        case .staged, .active: true
        }
    }
}
