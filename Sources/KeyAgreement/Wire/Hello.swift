public import Identity

/// The first message each way: what an end can do. Its layout is the same in every version; unknown suites, modes and
/// features are passed over.
public struct Hello: Sendable, Equatable {
    public var minimumVersion: UInt8
    public var maximumVersion: UInt8
    /// By preference.
    public var suites: [UInt16]
    /// By preference.
    public var postQuantumModes: [UInt8]
    public var features: UInt64
    public var node: NodeNumber
    /// The kernel's boot: 16 bytes. An end whose boot ID changed has lost the SAs it had.
    public var bootID: [UInt8]

    /// All that this implementation can do.
    init(
        node: NodeNumber, bootID: [UInt8], versions: ClosedRange<UInt8> = LinkVersions.spoken,
        suites: [Suite] = Suite.allCases
    ) {
        minimumVersion = versions.lowerBound
        maximumVersion = versions.upperBound
        self.suites = suites.map(\.rawValue)
        postQuantumModes = PostQuantumMode.allCases.map(\.rawValue)
        features = 0
        self.node = node
        self.bootID = bootID
    }

    func write(to fields: inout FieldWriter) {
        fields.integer(minimumVersion)
        fields.integer(maximumVersion)
        fields.list(suites) { $0.integer($1) }
        fields.list(postQuantumModes) { $0.integer($1) }
        fields.integer(features)
        fields.integer(node.rawValue)
        fields.fixed(bootID)
    }

    init(from fields: inout FieldReader) throws(WireError) {
        minimumVersion = try fields.integer()
        maximumVersion = try fields.integer()
        guard minimumVersion > 0, minimumVersion <= maximumVersion else { throw .badValue("version range") }
        suites = try fields.list(atMost: LinkLimits.offers) { fields throws(WireError) in try fields.integer() }
        postQuantumModes = try fields.list(atMost: LinkLimits.offers) { fields throws(WireError) in
            try fields.integer()
        }
        features = try fields.integer()
        node = NodeNumber(rawValue: try fields.integer())
        bootID = try fields.fixed(LinkLimits.bootIDBytes)
    }
}

/// What both ends of a connection use.
struct Agreement: Sendable, Equatable {
    let version: UInt8
    let suite: Suite
    let postQuantum: PostQuantumMode

    /// The highest version both know; of suites and modes the first in the client's list that the server has too.
    init(client: Hello, server: Hello) throws(LinkFailure) {
        version = min(client.maximumVersion, server.maximumVersion)
        guard version >= max(client.minimumVersion, server.minimumVersion) else { throw .noCommonVersion }
        let suites = client.suites.filter(server.suites.contains).compactMap(Suite.init)
        let modes = client.postQuantumModes.filter(server.postQuantumModes.contains).compactMap(PostQuantumMode.init)
        guard let suite = suites.first else { throw .noCommonSuite }
        guard let mode = modes.first else { throw .noCommonPostQuantumMode }
        self.suite = suite
        postQuantum = mode
    }
}
