/// How programs are attached to devices.
public enum AttachmentMode: String, Sendable, CaseIterable, Codable {
    /// tcx where the kernel has it (6.6), else clsact.
    case auto
    case tcx
    case clsact
}

/// What is decided before the object is loaded. Sizes cannot change while the pinned maps live.
public struct DatapathSettings: Sendable {
    /// The compiled programs.
    public var objectPath: String
    /// A mounted bpffs. Default `/sys/fs/bpf`.
    public var bpffs: String
    /// Distinguishes several daemons on one machine: letters, digits, `-`, `_`.
    public var instance: String
    public var attachment: AttachmentMode
    /// Slots for SAs in each direction; a power of two from 2 to 65536. Default 4096.
    public var securityAssociations: Int
    /// Default 1024.
    public var peers: Int
    /// Addresses of this node's pods. Default 4096.
    public var localAddresses: Int
    /// Addresses of other nodes' pods. Default 65536.
    public var remoteAddresses: Int
    /// Default 1024.
    public var pods: Int
    /// Default 256.
    public var protectedPrefixes: Int
    /// A power of two, a multiple of the page size. Default 1 MiB.
    public var eventRingBytes: Int
    /// What this program is compiled for; another only in tests.
    var abi = ABIVersions.ours

    public init(
        objectPath: String, bpffs: String = "/sys/fs/bpf", instance: String = "default",
        attachment: AttachmentMode = .auto, securityAssociations: Int = 4096, peers: Int = 1024,
        localAddresses: Int = 4096, remoteAddresses: Int = 65536, pods: Int = 1024, protectedPrefixes: Int = 256,
        eventRingBytes: Int = 1 << 20
    ) {
        self.objectPath = objectPath
        self.bpffs = bpffs
        self.instance = instance
        self.attachment = attachment
        self.securityAssociations = securityAssociations
        self.peers = peers
        self.localAddresses = localAddresses
        self.remoteAddresses = remoteAddresses
        self.pods = pods
        self.protectedPrefixes = protectedPrefixes
        self.eventRingBytes = eventRingBytes
    }
}

/// What may be changed at any time (`struct ps_config`).
public struct DatapathConfiguration: Hashable, Sendable {
    /// Packets to unknown destinations inside the protected prefixes may leave in clear. Default false.
    public var permissive: Bool
    /// The bits of `skb->mark` that are ours: contiguous, two at least. Default 0x0c00_0000.
    public var markMask: UInt32
    /// UDP destination port of our ESP. Default 4500.
    public var espPort: UInt16
    /// Key of the hash that picks outer source ports: random, made anew at each start of the machine.
    public var hashKey: (UInt64, UInt64) {
        get { (hashKeyLow, hashKeyHigh) }
        set { (hashKeyLow, hashKeyHigh) = newValue }
    }
    /// Events a second and reason that are let through. Default 100.
    public var eventBurst: UInt64

    private var hashKeyLow: UInt64
    private var hashKeyHigh: UInt64

    public init(
        permissive: Bool = false, markMask: UInt32 = 0x0c00_0000, espPort: UInt16 = 4500,
        hashKey: (UInt64, UInt64) = (.random(in: 1 ... .max), .random(in: 1 ... .max)), eventBurst: UInt64 = 100
    ) {
        self.permissive = permissive
        self.markMask = markMask
        self.espPort = espPort
        self.hashKeyLow = hashKey.0
        self.hashKeyHigh = hashKey.1
        self.eventBurst = eventBurst
    }

    var markIsUsable: Bool {
        let shifted = markMask >> markMask.trailingZeroBitCount
        return markMask != 0 && shifted & (shifted &+ 1) == 0 && shifted >= 3
    }
}
