/// The order in which the authorities of a trust domain change what they share: entries under numbers, from 1 on, without a gap. Old
/// entries go when a snapshot stands for them.
///
/// Calls wait on the calling thread, which must not be one that tasks run on.
public protocol SharedLog: Sendable {
    /// Puts an entry under a number, the next: false when somebody has put one there, or the one before is gone. What throws may
    /// have been put all the same.
    func append(_ entry: [UInt8], at number: UInt64) throws(SharedLogError) -> Bool

    /// The entries from a number on, in order, as many as fit into an answer. Number 0 is the beginning, which changes nothing; it goes with
    /// the first old entries. The newest entry is always there.
    func entries(from number: UInt64) throws(SharedLogError) -> [LogEntry]

    /// Which snapshot is the newest; nil when there never was one, and so no entry.
    func newestSnapshot() throws(SharedLogError) -> SnapshotHead?

    /// Its bytes.
    func snapshot(_ head: SnapshotHead) throws(SharedLogError) -> [UInt8]

    /// Puts a snapshot in the place of an older one, or the first and with it the beginning, and takes away the entries that the older one stands for: who has those may still
    /// catch up. False when somebody else was faster.
    func put(_ snapshot: [UInt8], _ head: SnapshotHead, replacing older: SnapshotHead?) throws(SharedLogError) -> Bool

    /// Tells when there may be entries that were not there before, once at the begin, until the task is cancelled. Throws when it can
    /// no longer tell.
    func watch(_ heard: @escaping @Sendable () async -> Void) async throws(SharedLogError)
}

/// An entry as the log has it.
public struct LogEntry: Sendable, Equatable {
    public let number: UInt64
    public let bytes: [UInt8]

    public init(number: UInt64, bytes: [UInt8]) {
        self.number = number
        self.bytes = bytes
    }
}

/// Why what authorities share could not be read or changed.
public enum SharedLogError: Error, Sendable, Equatable {
    case unreachable(String)
    case refused(String)
    /// What is there is nothing that an authority writes.
    case nonsense(String)
    /// The entries that come next for this one are gone: it was away for too long.
    case leftBehind
    /// It is empty, or was put back to what it was before.
    case forgotten
    /// The file's registry is not one that is shared there.
    case stranger(path: String)
    /// A newer program changes what authorities share.
    case newer
    /// A change is larger than an entry may be, bytes.
    case tooLarge(Int)
    /// Others were faster, again and again.
    case contended
    /// What an entry changes is not here as it was there.
    case diverged(String)
}

extension SharedLogError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreachable(let why), .refused(let why): "what the authorities share: \(why)"
        case .nonsense(let what): "what the authorities share holds \(what)"
        case .leftBehind: "this authority was away for longer than the others remember"
        case .forgotten: "what the authorities share is gone, or of a time before what this authority knows"
        case .stranger(let path): "\(path) is not the registry that the other authorities share"
        case .newer: "another authority is of a newer version of Podshield"
        case .tooLarge(let bytes): "a change of \(bytes) bytes is more than authorities share at once"
        case .contended: "the other authorities leave no time for a change"
        case .diverged(let why): "this authority's registry is not what the others have: \(why)"
        }
    }
}
