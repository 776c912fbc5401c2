internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL

/// Answers one request of a connection, and closes it: who asks every five minutes needs none that stays.
final class EndpointHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let documents: @Sendable () async -> EndpointDocuments?
    private let asked: () -> Void
    private var head: HTTPRequestHead?

    /// - Parameter asked: is told on the event loop that the request has come.
    init(_ documents: @escaping @Sendable () async -> EndpointDocuments?, asked: @escaping () -> Void) {
        self.documents = documents
        self.asked = asked
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        // What comes with a request that has none is not kept.
        case .body: break
        case .end:
            asked()
            if let head { answer(head, context) }
            head = nil
        }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let (channel, documents) = (context.channel, documents)
        context.eventLoop.makeFutureWithTask { await documents() }.whenSuccess { documents in
            let answer =
                documents.map {
                    EndpointAnswer(
                        method: head.method.rawValue, target: head.uri,
                        known: head.headers.first(name: "if-none-match"), $0)
                } ?? EndpointAnswer(status: 503)
            Self.write(answer, to: channel, isHead: head.method == .HEAD, head.version)
        }
    }

    private static func write(_ answer: EndpointAnswer, to channel: any Channel, isHead: Bool, _ version: HTTPVersion) {
        var head = HTTPResponseHead(version: version, status: HTTPResponseStatus(statusCode: answer.status))
        for (name, value) in answer.headers { head.headers.add(name: name, value: value) }
        head.headers.add(name: "Content-Length", value: "\(answer.body.count)")
        head.headers.add(name: "Connection", value: "close")
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        send(isHead ? [] : answer.body[...], to: channel)
    }

    /// A portion once the one before is on its way: long lists wait where all share them, and not once for each slow reader.
    private static func send(_ rest: ArraySlice<UInt8>, to channel: any Channel) {
        guard !rest.isEmpty else {
            channel.writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in channel.close(promise: nil) }
            return
        }
        let portion = channel.allocator.buffer(bytes: rest.prefix(portionBytes))
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(portion))).whenComplete { result in
            switch result {
            case .success: send(rest.dropFirst(portionBytes), to: channel)
            case .failure: channel.close(promise: nil)
            }
        }
    }

    private static let portionBytes = 1 << 16

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
