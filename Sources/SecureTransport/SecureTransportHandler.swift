internal import Identity
public import NIOCore
internal import OpenSSLBinding

/// TLS 1.3 between two SVIDs as a channel handler: bytes of the socket below, application bytes above.
///
/// The peer is verified inside the handshake, against the bundle of that moment, so that a refused peer gets a TLS alert.
/// A completed handshake fires `HandshakeOutcome` and from then on application bytes flow; what was written before is kept,
/// within limits, and sent then. Any failure fires one `SecureTransportError` and closes the channel. Half-closure is not
/// supported: an end of stream without close_notify is `truncated`.
///
/// One handler serves one connection and lives on its event loop.
public final class SecureTransportHandler: ChannelDuplexHandler {
    public typealias InboundIn = ByteBuffer
    public typealias InboundOut = ByteBuffer
    public typealias OutboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    public enum Role: Sendable, Equatable {
        case client
        case server
    }

    private let role: Role
    private let identity: TransportIdentity
    private let expectation: PeerExpectation
    private let alpn: [String]
    private let handshakeTimeout: TimeAmount

    private var phase = ConnectionPhase.idle
    private var session: TLSSession?
    private let check: PeerCheck
    private var local: KeyedSVID?
    private var pending = PendingWrites()
    private var closePromise: EventLoopPromise<Void>?
    private var timer: Scheduled<Void>?
    /// What came since the handshake began, or since we closed, and in between what no application data accounts for: of no use
    /// to anybody above.
    private var unheardBytes = 0
    /// Handed on of the bytes that are being received.
    private var heardBytes = 0
    private var deliveredSinceRead = false

    /// Set when the handshake is complete; stays after the connection ended.
    public private(set) var outcome: HandshakeOutcome?

    /// - Parameters:
    ///   - expecting: `nodeOrAnonymous` is for servers, `pinnedRoot` for clients.
    ///   - alpn: application protocols by preference; with any, a peer that shares none is refused.
    ///   - handshakeTimeout: from connection to complete handshake.
    public init(
        role: Role, identity: TransportIdentity, expecting expectation: PeerExpectation, alpn: [String] = [],
        handshakeTimeout: TimeAmount = SecureTransportLimits.handshakeTimeout
    ) {
        self.role = role
        self.identity = identity
        self.expectation = expectation
        self.alpn = alpn
        self.handshakeTimeout = handshakeTimeout
        check = PeerCheck(identity, expectation)
    }

    // MARK: Life of the channel

    public func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        end(.closed)
    }

    public func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        begin(context)
    }

    public func channelInactive(context: ChannelHandlerContext) {
        reportEndOfStream(context)
        end(.closed)
        context.fireChannelInactive()
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? ChannelEvent, event == .inputClosed else {
            return context.fireUserInboundEventTriggered(event)
        }
        reportEndOfStream(context)
        finish(context)
    }

    /// The stream ended below us: in order only when both sides have said goodbye.
    private func reportEndOfStream(_ context: ChannelHandlerContext) {
        switch phase {
        case .handshaking: fail(context, .closedDuringHandshake)
        case .established: fail(context, .truncated)
        case .idle, .closing, .closed: break
        }
    }

    // MARK: Handshake

    private func begin(_ context: ChannelHandlerContext) {
        guard phase == .idle else { return }
        phase = .handshaking
        startTimer(context, handshakeTimeout) { $0.fail($1, .handshakeTimedOut) }
        do throws(SecureTransportError) {
            session = try makeSession()
        } catch {
            return fail(context, error)
        }
        continueHandshake(context)
        // Without automatic reading nobody else would ask for the peer's answer.
        context.read()
    }

    private func makeSession() throws(SecureTransportError) -> TLSSession {
        local = try presentedIdentity()
        let configuration = TLSConfiguration(
            role: role == .client ? .client : .server(requiresPeer: !expectation.allowsAnonymous),
            chain: local.map(presentedChain) ?? [], key: local?.key, alpn: alpn,
            largestPeerChain: SecureTransportLimits.peerChainBytes, verifyPeer: { [check] in check.judge($0) })
        do throws(OpenSSLError) {
            return try TLSSession(configuration)
        } catch {
            throw .handshakeFailed(error)
        }
    }

    /// Only a joining client may come without an SVID.
    private func presentedIdentity() throws(SecureTransportError) -> KeyedSVID? {
        let current: KeyedSVID?
        do {
            current = try identity.current()
        } catch {
            throw .identityUnavailable("\(error)")
        }
        if current == nil, role == .server || !expectation.isPin { throw .noIdentity }
        return current
    }

    /// The authority's listener sends its root as well: a joining node compares it with its pin.
    private func presentedChain(_ local: KeyedSVID) -> [Certificate] {
        expectation.allowsAnonymous ? local.svid.chain + [local.svid.anchor] : local.svid.chain
    }

    private func continueHandshake(_ context: ChannelHandlerContext) {
        guard let session else { return }
        do throws(OpenSSLError) {
            let isComplete = try session.handshake()
            sendOutput(context)
            if isComplete { try complete(context, session) }
        } catch {
            fail(context, check.refusal ?? error.peerAlert.map { .peerAlert($0) } ?? .handshakeFailed(error))
        }
    }

    private func complete(_ context: ChannelHandlerContext, _ session: TLSSession) throws(OpenSSLError) {
        guard let agreement = try session.agreement else { return }
        // None of these can happen as the session is set up; each would be a hole if it did.
        if agreement.isResumed { return fail(context, .sessionResumed) }
        if check.peer == nil, !expectation.allowsAnonymous { return fail(context, .noPeerCertificate) }
        if agreement.alpn == nil, !alpn.isEmpty { return fail(context, .noApplicationProtocol) }
        timer?.cancel()
        phase = .established
        unheardBytes = 0
        let outcome = HandshakeOutcome(peer: check.peer, local: local, agreement: agreement, session: session)
        self.outcome = outcome
        sendPending(context)
        context.fireUserInboundEventTriggered(outcome)
    }

    // MARK: From the peer

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        while bytes.readableBytes > 0, phase != .closed {
            // In small steps until the handshake is complete, so that only its own bytes count against its limit.
            let step = phase == .handshaking ? min(bytes.readableBytes, 4096) : bytes.readableBytes
            guard let slice = bytes.readSlice(length: step) else { return }
            receive(context, slice)
        }
    }

    private func receive(_ context: ChannelHandlerContext, _ bytes: ByteBuffer) {
        guard let session else { return }
        do throws(OpenSSLError) {
            try session.receive(bytes)
        } catch {
            return fail(context, .protocolFailure(error))
        }
        if phase == .handshaking {
            unheardBytes += bytes.readableBytes
            continueHandshake(context)
            if phase == .handshaking, unheardBytes >= SecureTransportLimits.handshakeBytes {
                return fail(context, .handshakeTooLarge(bytes: unheardBytes))
            }
        } else if phase == .closing {
            unheardBytes += bytes.readableBytes
            if unheardBytes >= SecureTransportLimits.closingBytes { return finish(context) }
        }
        guard phase == .established || phase == .closing else { return }
        heardBytes = 0
        deliver(context, session)
        if phase == .established { account(for: bytes.readableBytes, context) }
    }

    /// Keys that change without end (RFC 8446 section 4.6.3) and tickets cost us, and say nothing to whoever limits what is said.
    private func account(for count: Int, _ context: ChannelHandlerContext) {
        unheardBytes = max(0, unheardBytes + count - heardBytes * SecureTransportLimits.overheadPerByte)
        if unheardBytes > SecureTransportLimits.overheadBytes { fail(context, .nothingSaid(bytes: unheardBytes)) }
    }

    /// Hands on what can be opened. Each step may run application code, which may close.
    private func deliver(_ context: ChannelHandlerContext, _ session: TLSSession) {
        while phase == .established || phase == .closing {
            do throws(OpenSSLError) {
                var buffer = context.channel.allocator.buffer(capacity: Self.recordBytes)
                switch try session.read(onto: &buffer) {
                case .bytes: handOn(context, buffer)
                case .closed: return peerClosed(context)
                case .wouldBlock: return sendOutput(context)
                }
            } catch {
                return fail(context, error.peerAlert.map { .peerAlert($0) } ?? .protocolFailure(error))
            }
        }
    }

    /// Most plaintext of one record (RFC 8446 section 5.1).
    private static let recordBytes = 16384

    /// After `close` nobody listens any more.
    private func handOn(_ context: ChannelHandlerContext, _ bytes: ByteBuffer) {
        guard phase == .established else { return }
        deliveredSinceRead = true
        heardBytes += bytes.readableBytes
        context.fireChannelRead(wrapInboundOut(bytes))
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        // Asked to read, we had nothing to show for it yet: part of a record, or the handshake's own bytes.
        if !deliveredSinceRead, phase != .closed { context.read() }
        deliveredSinceRead = false
        context.fireChannelReadComplete()
    }

    // MARK: To the peer

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = unwrapOutboundIn(data)
        switch phase {
        case .idle, .handshaking:
            pending.append(bytes, promise)
            if pending.isTooMuch { fail(context, .tooMuchBuffered(bytes: pending.byteCount)) }
        case .established: seal(context, bytes, promise)
        case .closing, .closed: promise?.fail(SecureTransportError.closed)
        }
    }

    public func flush(context: ChannelHandlerContext) {
        if phase == .established { context.flush() }
    }

    private func sendPending(_ context: ChannelHandlerContext) {
        for write in pending.takeAll() { seal(context, write.bytes, write.promise) }
        context.flush()
    }

    /// Sealed bytes go straight to the channel, whose writability is therefore the back-pressure.
    private func seal(_ context: ChannelHandlerContext, _ bytes: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        guard let session else {
            promise?.fail(SecureTransportError.closed)
            return
        }
        do throws(OpenSSLError) {
            try session.write(bytes)
            context.write(wrapOutboundOut(session.takeOutput(context.channel.allocator)), promise: promise)
        } catch {
            promise?.fail(SecureTransportError.protocolFailure(error))
            fail(context, .protocolFailure(error))
        }
    }

    /// Sends what TLS itself has to say: handshake, alerts, key updates.
    private func sendOutput(_ context: ChannelHandlerContext) {
        guard let session, session.outputCount > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(session.takeOutput(context.channel.allocator)), promise: nil)
    }

    // MARK: The end

    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all else {
            promise?.fail(ChannelError.operationUnsupported)
            return
        }
        switch phase {
        case .established: sayGoodbye(context, promise)
        case .closing: join(promise)
        case .idle, .handshaking:
            end(.closedDuringHandshake)
            context.close(mode: .all, promise: promise)
        case .closed: context.close(mode: .all, promise: promise)
        }
    }

    /// Waiting for the peer's close_notify keeps its unread bytes from resetting the connection under our last ones.
    private func sayGoodbye(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        phase = .closing
        unheardBytes = 0
        closePromise = promise
        session?.sendCloseNotify()
        sendOutput(context)
        startTimer(context, SecureTransportLimits.closeTimeout) { $0.finish($1) }
        context.read()
    }

    /// A second `close` ends when the first does.
    private func join(_ promise: EventLoopPromise<Void>?) {
        if let closePromise {
            closePromise.futureResult.cascade(to: promise)
        } else {
            closePromise = promise
        }
    }

    private func peerClosed(_ context: ChannelHandlerContext) {
        session?.sendCloseNotify()
        sendOutput(context)
        finish(context)
    }

    private func finish(_ context: ChannelHandlerContext) {
        let promise = closePromise
        closePromise = nil
        end(.closed)
        context.close(mode: .all, promise: promise)
    }

    /// Tells the peer by the alert OpenSSL prepared, ourselves by the error, and closes.
    private func fail(_ context: ChannelHandlerContext, _ error: SecureTransportError) {
        guard phase != .closed else { return }
        sendOutput(context)
        end(error)
        context.fireErrorCaught(error)
        context.close(mode: .all, promise: nil)
    }

    /// Gives back all that the connection held; only the first call has an effect.
    private func end(_ error: SecureTransportError) {
        phase = .closed
        timer?.cancel()
        timer = nil
        session?.invalidate()
        session = nil
        pending.fail(error)
        closePromise?.succeed()
        closePromise = nil
    }

    private func startTimer(
        _ context: ChannelHandlerContext, _ delay: TimeAmount,
        _ action: @escaping (SecureTransportHandler, ChannelHandlerContext) -> Void
    ) {
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) { action(self, context) }
    }
}
