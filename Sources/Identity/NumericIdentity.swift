/// The number that stands for one (SPIFFE ID, sorted policy labels) in packets' SAs and in policy. Allotted by the
/// authority, never re-used; only a CA-signed certificate or the signed directory says which number a workload has.
public struct NumericIdentity: RawRepresentable, Hashable, Sendable, Comparable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Never matches a rule.
    public static let unknown = NumericIdentity(rawValue: 0)
    /// This machine itself.
    public static let host = NumericIdentity(rawValue: 1)
    /// Whatever is not ours.
    public static let world = NumericIdentity(rawValue: 2)
    /// 3...255 are reserved; workloads start here.
    public static let firstWorkload = NumericIdentity(rawValue: 256)

    public var isWorkload: Bool { self >= .firstWorkload }
    public static func < (a: NumericIdentity, b: NumericIdentity) -> Bool { a.rawValue < b.rawValue }
}

extension NumericIdentity: CustomStringConvertible {
    public var description: String { String(rawValue) }
}

/// The number the authority gave a node when it joined; 1 and up, never re-used. Peers are keyed by it in the kernel maps.
public struct NodeNumber: RawRepresentable, Hashable, Sendable, Comparable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static func < (a: NodeNumber, b: NodeNumber) -> Bool { a.rawValue < b.rawValue }
}

extension NodeNumber: CustomStringConvertible {
    public var description: String { String(rawValue) }
}
