/// What one TLS 1.3 connection is set up with.
public struct TLSConfiguration: Sendable {
    public enum Role: Sendable, Equatable {
        case client
        /// Always asks for a client certificate; with `requiresPeer` a client without one is refused.
        case server(requiresPeer: Bool)
    }

    public var role: Role
    /// Leaf first, sent as it stands; empty together with a nil key for a client without a certificate.
    public var chain: [Certificate]
    public var key: PrivateKey?
    /// Application protocols by preference (RFC 7301); empty to do without.
    public var alpn: [String]
    /// Most bytes of the peer's Certificate message.
    public var largestPeerChain: Int
    /// A client's wish for the certificate of this DNS name (RFC 6066 section 3); nil to say none.
    public var serverName: String?
    /// Called once, inside the handshake, with what the peer sent, leaf first; must not use the session. Not called for a
    /// client that sent no certificate.
    public var verifyPeer: @Sendable ([Certificate]) -> TLSPeerVerdict

    public init(
        role: Role, chain: [Certificate], key: PrivateKey?, alpn: [String], largestPeerChain: Int,
        verifyPeer: @escaping @Sendable ([Certificate]) -> TLSPeerVerdict
    ) {
        self.role = role
        self.chain = chain
        self.key = key
        self.alpn = alpn
        self.largestPeerChain = largestPeerChain
        self.verifyPeer = verifyPeer
    }
}

/// The answer to a peer's certificates; a refusal ends the handshake with the alert that fits (RFC 8446 section 6.2).
public enum TLSPeerVerdict: Sendable, Equatable {
    case accepted
    /// Alert certificate_expired.
    case expired
    /// Alert certificate_revoked.
    case revoked
    /// Alert unknown_ca.
    case unknownAuthority
    /// Alert bad_certificate.
    case unsuitable
}
