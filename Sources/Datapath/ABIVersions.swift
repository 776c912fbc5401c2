import BPFBinding
import CPodshieldABI

/// Versions of the shared header whose maps a program can do with: its own, and older ones from which it differs in
/// additions only. Programs that have one in common take over each other's maps.
public struct ABIVersions: Hashable, Sendable {
    public let oldest: UInt32
    public let newest: UInt32

    static let ours = ABIVersions(oldest: UInt32(PS_ABI_OLDEST), newest: UInt32(PS_ABI_VERSION))

    init(oldest: UInt32, newest: UInt32) {
        self.oldest = oldest
        self.newest = newest
    }

    /// Nil after a run that ended before it configured anything.
    init?(ofWhoWrote map: BPFMap) throws(DatapathError) {
        let words = try kernel { () throws(BPFError) in try map.start(at: UInt32(0), as: SIMD2<UInt32>.self) }
        guard let words, words.x != 0 else { return nil }
        self.init(oldest: words.y, newest: words.x)
    }

    func overlap(_ other: ABIVersions) -> Bool { oldest <= other.newest && other.oldest <= newest }
}

extension ABIVersions: CustomStringConvertible {
    public var description: String { oldest == newest ? "\(newest)" : "\(newest) (good from \(oldest))" }
}
