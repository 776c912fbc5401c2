public import Identity
public import OpenSSLBinding

/// What a completed handshake established. Fired through the pipeline as a user inbound event, once, before the first
/// application byte; also to be had from `SecureTransportHandler.outcome`.
///
/// It says that *this* end has verified the peer. A TLS 1.3 client is done before the server has judged the client's
/// certificate, and the exporter does not cover that certificate (RFC 8446 section 7.5): take no key from it before an
/// authenticated message of the other side has arrived.
public struct HandshakeOutcome: Sendable {
    /// Nil only for an anonymous client of a `nodeOrAnonymous` listener.
    public let peer: X509SVID?
    /// What this end presented, as it was when the connection began; nil for an anonymous client.
    public let local: KeyedSVID?
    /// SHA-256 of the leaf certificates' DER; empty where there is none.
    public let localLeafSHA256: [UInt8]
    public let peerLeafSHA256: [UInt8]
    public let alpn: String?
    public let cipherSuite: String
    public let group: String
    private let session: TLSSession

    init(peer: X509SVID?, local: KeyedSVID?, agreement: TLSSession.Agreement, session: TLSSession) {
        self.peer = peer
        self.local = local
        localLeafSHA256 = local?.svid.leaf.sha256 ?? []
        peerLeafSHA256 = peer?.leaf.sha256 ?? []
        alpn = agreement.alpn
        cipherSuite = agreement.cipherSuite
        group = agreement.group
        self.session = session
    }

    /// Keying material of the connection (RFC 8446 section 7.5), the same at both ends for the same label and context.
    /// From any thread, as long as the connection is open; its secrets are gone with it, and this throws.
    public func export(label: String, context: [UInt8], length: Int) throws(OpenSSLError) -> SecretBytes {
        try session.exportKeyingMaterial(label: label, context: context, length: length)
    }
}
