/// A range of keys in the order of their bytes.
public struct EtcdKeys: Sendable, Equatable {
    public let first: [UInt8]
    /// The first beyond it; empty for `first` alone.
    public let end: [UInt8]

    /// One key.
    public init(_ key: [UInt8]) {
        first = key
        end = []
    }

    /// All from one up to another, which is not among them.
    public init(from first: [UInt8], to end: [UInt8]) {
        self.first = first
        self.end = end
    }

    /// All that begin with these bytes.
    public init(prefix: [UInt8]) {
        precondition(prefix.last.map { $0 < 0xff } == true, "a prefix without a next one")
        first = prefix
        end = prefix.dropLast() + [prefix[prefix.count - 1] + 1]
    }
}

/// A key and what is there.
public struct EtcdValue: Sendable, Equatable {
    public let key: [UInt8]
    public let bytes: [UInt8]
    /// The store's, as of its last change.
    public let revision: Int64

    public init(key: [UInt8], bytes: [UInt8], revision: Int64) {
        self.key = key
        self.bytes = bytes
        self.revision = revision
    }
}

/// What must be so for a transaction to be carried out.
public enum EtcdCondition: Sendable, Equatable {
    case absent(key: [UInt8])
    case present(key: [UInt8])
    /// Not changed after this revision of its own.
    case unchanged(key: [UInt8], since: Int64)
}

public enum EtcdChange: Sendable, Equatable {
    case put(key: [UInt8], bytes: [UInt8])
    case delete(EtcdKeys)
}
