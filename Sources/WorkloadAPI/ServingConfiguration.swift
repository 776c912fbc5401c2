internal import GRPCCore
internal import GRPCNIOTransportHTTP2

extension HTTP2ServerTransport.Custom.Config {
    /// What a connection of a workload's or a broker's may cost.
    ///
    /// - Parameters:
    ///   - streams: at one time.
    ///   - requestBytes: of one request.
    ///   - idle: how long one without a call stays open.
    static func serving(streams: Int, requestBytes: Int, idle: Duration) -> Self {
        var configuration = Self.defaults
        configuration.http2.maxConcurrentStreams = streams
        configuration.rpc.maxRequestPayloadSize = requestBytes
        configuration.connection.maxIdleTime = idle
        configuration.connection.maxGraceTime = .seconds(1)
        // Some clients ask whether the connection lives, which on this machine it does.
        configuration.connection.keepalive.clientBehavior = .init(
            minPingIntervalWithoutCalls: .seconds(10), allowWithoutCalls: true)
        configuration.channelDebuggingCallbacks.onAcceptHTTP2Stream = { ConnectionStamp.install(on: $0) }
        return configuration
    }
}
