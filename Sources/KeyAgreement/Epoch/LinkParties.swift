public import Identity
public import OpenSSLBinding

/// An end's part in the TLS handshake.
public enum LinkRole: UInt8, Sendable, Equatable {
    case client = 1
    case server = 2
}

/// A node as TLS authenticated it.
public struct LinkParty: Sendable, Equatable {
    public let id: SPIFFEID
    /// SHA-256 of its leaf certificate's DER.
    public let leafSHA256: [UInt8]

    public init(id: SPIFFEID, leafSHA256: [UInt8]) {
        self.id = id
        self.leafSHA256 = leafSHA256
    }
}

/// The two ends of one connection, seen from this one.
public struct LinkParties: Sendable, Equatable {
    /// Of this end.
    public let role: LinkRole
    public let local: LinkParty
    public let peer: LinkParty

    public init(role: LinkRole, local: LinkParty, peer: LinkParty) {
        self.role = role
        self.local = local
        self.peer = peer
    }

    public var client: LinkParty { role == .client ? local : peer }
    public var server: LinkParty { role == .client ? peer : local }
    var peerRole: LinkRole { role == .client ? .server : .client }
}

/// The exporter of one TLS 1.3 connection (RFC 8446 section 7.5): the same bytes at both ends for the same label and context.
public struct Exporter: Sendable {
    let export: @Sendable (_ label: String, _ context: [UInt8], _ length: Int) throws(OpenSSLError) -> SecretBytes

    public init(
        _ export:
            @escaping @Sendable (_ label: String, _ context: [UInt8], _ length: Int) throws(OpenSSLError) -> SecretBytes
    ) {
        self.export = export
    }
}

extension LinkParty {
    init(_ svid: X509SVID) { self.init(id: svid.id, leafSHA256: svid.leaf.sha256) }
}
