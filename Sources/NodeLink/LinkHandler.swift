internal import KeyAgreement
internal import NIOCore
internal import SecureTransport

/// What a connection tells the service, in order.
enum ChannelEvent: Sendable {
    case secured(ConnectionID, HandshakeOutcome, LinkChannel)
    /// Nothing more is read until `LinkChannel.resume`.
    case messages(ConnectionID, [LinkMessage])
    case broken(ConnectionID, LinkFailure)
    case closed(ConnectionID, LinkFailure, source: String, wasSecured: Bool)
}

/// Cuts what TLS opened into messages, one reading at a time: the next bytes are asked for when the service has dealt with
/// these and the peer takes our answers.
final class LinkHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let id: ConnectionID
    private let events: AsyncStream<ChannelEvent>.Continuation
    private let admission: AdmissionHandler?
    private var decoder = FrameDecoder()
    private var failure = LinkFailure.transport("the connection ended")
    private var isSecured = false
    private var isBroken = false
    private var awaitsService = false
    private var wantsToRead = false
    private var context: ChannelHandlerContext?

    /// - Parameter admission: of an accepted connection.
    init(_ id: ConnectionID, _ events: AsyncStream<ChannelEvent>.Continuation, admission: AdmissionHandler?) {
        self.id = id
        self.events = events
        self.admission = admission
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let outcome = event as? HandshakeOutcome {
            isSecured = true
            events.yield(.secured(id, outcome, LinkChannel(context.channel, self)))
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isBroken else { return }
        decoder.append(unwrapInboundIn(data).readableBytesView)
        var messages: [LinkMessage] = []
        var error: WireError?
        do throws(WireError) {
            while let message = try decoder.next() { messages.append(message) }
        } catch let failure {
            error = failure
        }
        if !messages.isEmpty {
            awaitsService = true
            events.yield(.messages(id, messages))
        }
        if let error {
            isBroken = true
            events.yield(.broken(id, .wire(error)))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if !awaitsService, !isBroken { context.read() }
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        readIfPossible()
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure = .transport("\(error)")
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        // Of those that were refused the service hears by the flood that they are.
        if admission?.isRefused != true {
            let source = context.remoteAddress?.ipAddress ?? "unknown"
            events.yield(.closed(id, failure, source: source, wasSecured: isSecured))
        }
        context.fireChannelInactive()
    }

    /// The service has dealt with all messages.
    fileprivate func resume() {
        awaitsService = false
        wantsToRead = true
        readIfPossible()
    }

    /// A peer that does not take our answers is not read from.
    private func readIfPossible() {
        guard wantsToRead, !isBroken, let context, context.channel.isWritable else { return }
        wantsToRead = false
        context.read()
    }

    fileprivate func confirm() { admission?.release() }
}

/// The service's hold on a connection.
struct LinkChannel: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<LinkHandler>

    init(_ channel: any Channel, _ handler: LinkHandler) {
        self.channel = channel
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
    }

    func send(_ message: LinkMessage) {
        channel.writeAndFlush(ByteBuffer(bytes: message.frame), promise: nil)
    }

    func resume() { channel.eventLoop.execute { [handler] in handler.value.resume() } }

    /// Its epoch is confirmed: it does not count as a stranger's any more.
    func confirm() { channel.eventLoop.execute { [handler] in handler.value.confirm() } }

    func close(telling reason: CloseReason?) {
        if let reason { send(.close(reason)) }
        channel.close(promise: nil)
    }

    func closed() async { try? await channel.closeFuture.get() }
}
