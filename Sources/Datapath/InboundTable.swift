import BPFBinding
import CPodshieldABI
import Identity

/// The SAs by which peers reach us. SPI = slot in the low bits, the slot's generation above, which only grows.
struct InboundTable {
    enum Slot: Equatable {
        case free
        /// Its SPI is told to the peer; no key yet.
        case reserved(SAParameters)
        case published(SAParameters)
        /// Unpublished; programs that began before may still read the key.
        case retiring(SAParameters)
        /// No generation is left.
        case usedUp
    }

    private(set) var slots: [Slot]
    private var lastSPI: [UInt32]
    private let records: SASlots<ps_sa_in>
    private let live: BPFMap
    private let window: BPFMap
    private let usage: BPFMap

    /// An empty table; `adopt` fills in what the maps hold.
    init(_ maps: MapSet, slots count: Int) {
        records = SASlots(map: maps[.saIn])
        live = maps[.inLive]
        window = maps[.inWindow]
        usage = maps[.usageIn]
        slots = Array(repeating: .free, count: count)
        lastSPI = Array(repeating: 0, count: count)
    }

    // MARK: Slots

    /// A random free slot's next SPI, never below 256.
    mutating func reserve(peer: NodeNumber, identity: NumericIdentity) throws(DatapathError) -> UInt32 {
        while let slot = slots.indices.filter({ slots[$0] == .free }).randomElement() {
            guard let spi = nextSPI(of: slot) else {
                slots[slot] = .usedUp
                continue
            }
            // Recorded at once: also a reservation that comes to nothing uses its number up.
            lastSPI[slot] = spi
            try setLive(slot, spi: 0, deadline: 0)
            slots[slot] = .reserved(SAParameters(spi: spi, peer: peer, identity: identity, deadline: 0))
            return spi
        }
        throw .tableFull(.inbound)
    }

    private func nextSPI(of slot: Int) -> UInt32? {
        let bits = slots.count.trailingZeroBitCount
        let lowest = (UInt32(PS_SPI_MIN) + UInt32(slots.count) - 1) >> UInt32(bits)
        let generation = max((lastSPI[slot] >> UInt32(bits)) + 1, lowest)
        guard generation <= UInt32.max >> UInt32(bits) else { return nil }
        return generation << UInt32(bits) | UInt32(slot)
    }

    private func index(_ spi: UInt32) -> Int { Int(spi) & (slots.count - 1) }

    // MARK: Life of an SA

    /// Writes key, empty window and usage into the reserved slot, then publishes it.
    mutating func install(_ parameters: SAParameters, _ key: SAKeyWriter) throws(DatapathError) {
        let slot = index(parameters.spi)
        guard case .reserved(let reserved) = slots[slot], reserved.spi == parameters.spi,
            reserved.peer == parameters.peer, reserved.identity == parameters.identity
        else { throw .unknownSA(spi: parameters.spi, .inbound) }
        try records.write(parameters, key, to: UInt32(slot))
        try kernel { () throws(BPFError) in
            try window.clear(UInt32(slot))
            try usage.clear(UInt32(slot))
        }
        // The deadline first: an array's entry is copied word by word under the eyes of running programs.
        try setLive(slot, spi: 0, deadline: parameters.deadline)
        try setLive(slot, spi: parameters.spi, deadline: parameters.deadline)
        slots[slot] = .published(parameters)
    }

    mutating func extend(_ spi: UInt32, to deadline: UInt64) throws(DatapathError) {
        let slot = index(spi)
        guard case .published(var parameters) = slots[slot], parameters.spi == spi else {
            throw .unknownSA(spi: spi, .inbound)
        }
        parameters.deadline = deadline
        try setLive(slot, spi: spi, deadline: deadline)
        slots[slot] = .published(parameters)
    }

    /// The slot to wipe after a grace period, or nil when nothing was published.
    mutating func unpublish(_ spi: UInt32) throws(DatapathError) -> Int? {
        let slot = index(spi)
        switch slots[slot] {
        case .reserved(let parameters) where parameters.spi == spi:
            slots[slot] = .free
            return nil
        case .published(let parameters) where parameters.spi == spi:
            try setLive(slot, spi: 0, deadline: 0)
            slots[slot] = .retiring(parameters)
            return slot
        default: return nil
        }
    }

    /// After the grace period: nothing of the key is left, and the slot may be used again.
    mutating func wipe(_ slot: Int) throws(DatapathError) {
        try records.wipe(UInt32(slot))
        try kernel { () throws(BPFError) in
            try window.clear(UInt32(slot))
            try usage.clear(UInt32(slot))
        }
        slots[slot] = .free
    }

    private func setLive(_ slot: Int, spi: UInt32, deadline: UInt64) throws(DatapathError) {
        let entry = ps_in_live(spi: spi, last_spi: lastSPI[slot], deadline_ns: deadline)
        try kernel { () throws(BPFError) in try live.update(UInt32(slot), to: entry) }
    }

    // MARK: What the maps say

    /// Takes over what an earlier run published; returns the slots to wipe after a grace period: those whose key is there
    /// without being published, or not what was published.
    mutating func adopt() throws(DatapathError) -> [Int] {
        var orphans: [Int] = []
        for slot in slots.indices {
            guard
                let entry = try kernel({ () throws(BPFError) in try live.value(at: UInt32(slot), as: ps_in_live.self) })
            else { continue }
            lastSPI[slot] = entry.last_spi
            let parameters = try records.parameters(of: UInt32(slot), deadline: entry.deadline_ns)
            if let parameters, parameters.spi == entry.spi, entry.spi != 0, index(entry.spi) == slot {
                slots[slot] = .published(parameters)
            } else if parameters != nil || entry.spi != 0 {
                try setLive(slot, spi: 0, deadline: 0)
                slots[slot] = .retiring(
                    SAParameters(spi: entry.spi, peer: .init(rawValue: 0), identity: .unknown, deadline: 0))
                orphans.append(slot)
            }
        }
        return orphans
    }

    var published: [(slot: Int, parameters: SAParameters)] {
        slots.enumerated().compactMap { slot, state in
            if case .published(let parameters) = state { (slot, parameters) } else { nil }
        }
    }

    func usage(of spi: UInt32) throws(DatapathError) -> ps_sa_usage {
        let slot = index(spi)
        guard case .published(let parameters) = slots[slot], parameters.spi == spi else {
            throw .unknownSA(spi: spi, .inbound)
        }
        return try kernel { () throws(BPFError) in try usage.value(at: UInt32(slot)) } ?? ps_sa_usage()
    }

    /// The highest sequence number accepted.
    func top(of slot: Int) throws(DatapathError) -> UInt64 {
        try kernel { () throws(BPFError) in try window.value(at: UInt32(slot), as: ps_in_window.self) }?.top ?? 0
    }
}
