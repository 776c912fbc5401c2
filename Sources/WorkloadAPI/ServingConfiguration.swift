internal import GRPCCore
internal import GRPCNIOTransportHTTP2

extension HTTP2ServerTransport.Custom.Config {
    /// What a connection of a workload's or a broker's may cost.
    ///
    /// - Parameters:
    ///   - streams: at one time.
    ///   - requestBytes: of one request.
    ///   - idle: how long one without a call stays open.
    ///   - silence: after how much of it the peer is asked whether it is still there; nil where the kernel tells of its end.
    static func serving(streams: Int, requestBytes: Int, idle: Duration, silence: Duration? = nil) -> Self {
        var configuration = Self.defaults
        configuration.http2.maxConcurrentStreams = streams
        configuration.rpc.maxRequestPayloadSize = requestBytes
        configuration.connection.maxIdleTime = idle
        configuration.connection.maxGraceTime = .seconds(1)
        if let silence {
            configuration.connection.keepalive.time = silence
            configuration.connection.keepalive.timeout = silence
        }
        // Some clients ask whether the connection lives, which on this machine it does.
        configuration.connection.keepalive.clientBehavior = .init(
            minPingIntervalWithoutCalls: .seconds(10), allowWithoutCalls: true)
        configuration.channelDebuggingCallbacks.onAcceptHTTP2Stream = { ConnectionStamp.install(on: $0) }
        return configuration
    }
}
