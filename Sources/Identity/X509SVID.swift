public import OpenSSLBinding

/// A verified X.509-SVID. Only `SVIDVerifier` makes one, so whoever holds it need not check again; it says that the chain
/// was good against one bundle at one time.
public struct X509SVID: Sendable, Equatable {
    public let id: SPIFFEID
    /// Leaf first, then the intermediates; without the root.
    public let chain: [Certificate]
    /// The authority of the bundle that the path ends in.
    public let anchor: Certificate
    /// The CA-signed facts about a workload; nil on nodes, authorities and SVIDs of other issuers.
    public let binding: PodshieldBinding?
    /// Seconds since 1970 from when, and until when, every certificate of the path is valid. RFC 5280 includes the last
    /// second, OpenSSL does not: at `notAfter` the SVID is expired.
    public let notBefore: Int64
    public let notAfter: Int64

    public var leaf: Certificate { chain[0] }

    /// The authority that signed the leaf.
    public var issuer: Certificate { chain.count > 1 ? chain[1] : anchor }

    /// Seconds by which authorities let certificates begin before they are issued: clocks may run a little behind theirs.
    public static let backdating: Int64 = 10

    /// `path` is not empty and runs from the leaf to the anchor.
    init(id: SPIFFEID, path: [Certificate], anchor: Certificate, binding: PodshieldBinding?) {
        self.id = id
        self.chain = path.count > 1 ? Array(path.dropLast()) : path
        self.anchor = anchor
        self.binding = binding
        notBefore = path.map(\.notBefore).max() ?? .max
        notAfter = path.map(\.notAfter).min() ?? .min
    }
}

/// An SVID and the private key of its leaf.
public struct KeyedSVID: Sendable {
    public let svid: X509SVID
    public let key: PrivateKey

    /// Refuses a key that is not the leaf's with `keyMismatch`.
    public init(svid: X509SVID, key: PrivateKey) throws(SVIDRejection) {
        guard key.publicKey == svid.leaf.publicKey else { throw .keyMismatch }
        self.svid = svid
        self.key = key
    }
}
