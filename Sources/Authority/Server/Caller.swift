internal import GRPCCore
internal import Identity
internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2
internal import OpenSSLBinding
internal import SecureTransport

/// Who is at the other end of a connection, as the certificate says. It travels from the connection to the handlers of
/// calls in a request header that clients cannot set.
struct Caller: Sendable, Equatable {
    let id: SPIFFEID
    /// Validity of the SVID it connected with, seconds since 1970.
    let notBefore: Int64
    let notAfter: Int64
    /// Of the SVID.
    let serial: String
    /// Fingerprint of the CA that issued it: serials are drawn by who issues, and one CA may draw what another has drawn.
    let issuer: String
    /// Fingerprint of the root that it is under.
    let anchor: String

    static let header = "podshield-caller"

    init(_ svid: X509SVID) {
        id = svid.id
        notBefore = svid.notBefore
        notAfter = svid.notAfter
        serial = svid.leaf.serialHex
        issuer = svid.issuer.fingerprint
        anchor = svid.anchor.fingerprint
    }

    /// Nil on an anonymous connection.
    init?(_ metadata: Metadata) {
        let values = Array(metadata[stringValues: Self.header])
        let fields = values.first?.split(separator: " ") ?? []
        guard values.count == 1, fields.count == 6, let id = try? SPIFFEID(String(fields[0])),
            let notBefore = Int64(fields[1]), let notAfter = Int64(fields[2])
        else { return nil }
        self.id = id
        self.notBefore = notBefore
        self.notAfter = notAfter
        serial = String(fields[3])
        issuer = String(fields[4])
        anchor = String(fields[5])
    }

    var headerValue: String { "\(id) \(notBefore) \(notAfter) \(serial) \(issuer) \(anchor)" }
}

/// Sits before gRPC on every stream of a connection: takes `podshield-caller` and `podshield-connection-bin` out of what the
/// client sent and puts in whom the handshake verified, if anybody, and what proofs are made over.
final class CallerStamp: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload

    private let caller: String?
    private let connection: String

    init(_ outcome: HandshakeOutcome) throws(OpenSSLError) {
        caller = outcome.peer.map { Caller($0).headerValue }
        connection = try ConnectionProof(outcome).headerValue
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .headers(var frame) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        frame.headers.remove(name: Caller.header)
        frame.headers.remove(name: ConnectionProof.header)
        if let caller { frame.headers.add(name: Caller.header, value: caller) }
        frame.headers.add(name: ConnectionProof.header, value: connection)
        context.fireChannelRead(wrapInboundOut(.headers(frame)))
    }

    /// Puts a stamp on a stream of a connection whose handshake is complete, as it is before any stream can be.
    static func install(on stream: any Channel) -> EventLoopFuture<Void> {
        stream.eventLoop.makeCompletedFuture {
            guard let connection = stream.parent else { throw ChannelError.operationUnsupported }
            let transport = try connection.pipeline.syncOperations.handler(type: SecureTransportHandler.self)
            guard let outcome = transport.outcome else { throw SecureTransportError.closed }
            try stream.pipeline.syncOperations.addHandler(CallerStamp(outcome), position: .first)
        }
    }
}
