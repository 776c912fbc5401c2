internal import Addressing
internal import Identity

/// The leases of a directory, found by address.
struct LeaseIndex: Sendable {
    enum Holder: Sendable, Equatable {
        case nobody
        case node(NodeNumber)
        /// Two nodes have leases of the same, newest generation.
        case conflict
    }

    private struct Entry {
        var generation: UInt64
        var holder: Holder
    }

    private var entries: [IPPrefix: Entry] = [:]
    private var lengths: [Bool: Set<Int>] = [true: [], false: []]

    init(_ leases: [Directory.Lease]) {
        for lease in leases {
            let entry = Entry(generation: lease.generation, holder: .node(lease.node))
            entries[lease.prefix] = Self.newest(entries[lease.prefix], entry)
            lengths[lease.prefix.address.isIPv4]?.insert(lease.prefix.length)
        }
    }

    /// Who has the newest lease that covers the address, of whatever length.
    func holder(of address: IPAddress) -> Holder {
        var best: Entry?
        for length in lengths[address.isIPv4] ?? [] {
            guard let prefix = IPPrefix(covering: address, length: length), let entry = entries[prefix] else {
                continue
            }
            best = Self.newest(best, entry)
        }
        return best?.holder ?? .nobody
    }

    private static func newest(_ a: Entry?, _ b: Entry) -> Entry {
        guard let a, a.generation >= b.generation else { return b }
        if a.generation > b.generation || a.holder == b.holder { return a }
        return Entry(generation: a.generation, holder: .conflict)
    }
}

extension IPPrefix {
    /// The prefix of this length that the address lies in; nil when the family has no such length.
    fileprivate init?(covering address: IPAddress, length: Int) {
        let kept = address.isIPv4 ? length + 96 : length
        let bytes = address.bytes.enumerated().map { index, byte in
            let bits = min(max(kept - index * 8, 0), 8)
            return byte & UInt8(truncatingIfNeeded: 0xff00 >> bits)
        }
        guard let masked = IPAddress(bytes: bytes) else { return nil }
        self.init(masked, length: length)
    }
}
