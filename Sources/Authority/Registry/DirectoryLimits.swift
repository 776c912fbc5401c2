internal import AuthorityAPI
internal import Identity

/// How much the registry takes down of what nodes are sent: each edition of the directory goes whole to every one, entries to those
/// that they are for.
public struct DirectoryLimits: Sendable, Equatable {
    public var nodes = 16384
    /// Of all nodes together.
    public var leases = 262_144
    /// Those with an SVID that has not ended.
    public var workloads = 65536
    /// Registration entries.
    public var entries = 65536
    /// Of all of them as they are sent, in one message where they are all for one node, or psid asks. Less than is taken: IDs of those
    /// that have gone may come with them.
    public var entryBytes = AuthorityWire.largestResponse * 15 / 16
    /// Certificates that are revoked and have not ended.
    public var revocations = RevocationList.mostCertificates
    /// Of the directory as it is sent. Less than a node takes: a bundle and a signature come with it.
    public var bytes = AuthorityWire.largestDirectory * 15 / 16

    public init() {}
}

/// What there is of each kind, counted.
public struct DirectoryExtent: Sendable, Equatable {
    public var nodes = 0
    public var leases = 0
    public var workloads = 0
    public var entries = 0
    /// At least what they have when they are sent.
    public var entryBytes = 0
    /// At least what the directory has when it is sent.
    public var bytes = 0
    public var revision: UInt64 = 0
}

extension DirectoryExtent {
    /// What has reached its limit by now, or this part of it.
    public func shortages(_ limits: DirectoryLimits, from part: Double = 1) -> [DirectoryShortage] {
        [
            DirectoryShortage("nodes", nodes, of: limits.nodes), DirectoryShortage("leases", leases, of: limits.leases),
            DirectoryShortage("workloads", workloads, of: limits.workloads),
            DirectoryShortage("registration entries", entries, of: limits.entries),
            DirectoryShortage("bytes of registration entries", entryBytes, of: limits.entryBytes),
            DirectoryShortage("bytes of directory", bytes, of: limits.bytes),
        ].filter { Double($0.held) >= part * Double($0.limit) }
    }

    /// Throws for the first that is beyond its limit.
    func check(_ limits: DirectoryLimits) throws(RegistryError) {
        if let beyond = shortages(limits).first(where: { $0.held > $0.limit }) { throw .directoryFull(beyond) }
    }
}

/// One kind of which there is no more room, or soon will not be.
public struct DirectoryShortage: Error, Sendable, Equatable {
    public let what: String
    public let held: Int
    public let limit: Int

    init(_ what: String, _ held: Int, of limit: Int) {
        self.what = what
        self.held = held
        self.limit = limit
    }
}
