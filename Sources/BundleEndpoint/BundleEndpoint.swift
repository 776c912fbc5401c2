public import Addressing
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import RateLimiting
internal import SecureTransport

/// Serves whom to trust for a trust domain, to everybody, by HTTPS (SPIFFE_Federation.md section 5).
public final class BundleEndpoint: Sendable {
    private let address: IPAddress
    private let askedPort: UInt16
    private let tls: EndpointTLS
    private let documents: @Sendable () async -> EndpointDocuments?
    private let flooded: @Sendable (_ source: String) -> Void
    private let admission: AdmissionControl

    /// How long a connection may take in all, and until its request has come.
    static let patience = TimeAmount.seconds(20)
    static let silence = TimeAmount.seconds(5)

    /// - Parameters:
    ///   - port: 0 for any.
    ///   - documents: what is served; nil while that cannot be told.
    ///   - now: seconds since 1970.
    ///   - failed: is told why a newer certificate is not used, or that the one that is ends.
    ///   - flooded: is told who has more connections, or opens them faster, than is good; once until that is over.
    public init(
        address: IPAddress, port: UInt16, certificate: EndpointCertificate,
        documents: @escaping @Sendable () async -> EndpointDocuments?, now: @escaping @Sendable () -> Int64,
        failed: @escaping @Sendable (EndpointCertificateError) -> Void,
        flooded: @escaping @Sendable (_ source: String) -> Void
    ) throws(EndpointCertificateError) {
        self.address = address
        askedPort = port
        tls = try EndpointTLS(certificate, now: now, failed: failed)
        self.documents = documents
        self.flooded = flooded
        let pool = AdmissionLimits.Pool(pending: 1024, rate: Rate(burst: 400, perSecond: 200))
        admission = AdmissionControl(
            AdmissionLimits(
                strangers: pool, nodes: pool, pendingPerSource: 16, ratePerSource: Rate(burst: 64, perSecond: 20)))
    }

    /// Binds the socket. What runs ends with `stop`.
    public func start() async throws -> Running {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try configure(channel) }
            }
            .bind(host: "\(address)", port: Int(askedPort)).get()
        return Running(channel: channel)
    }

    private func configure(_ channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(AdmissionHandler(admission, flooded: flooded))
        try pipeline.addHandler(NIOSSLServerHandler(context: tls.context))
        try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
        let silence = channel.eventLoop.scheduleTask(in: Self.silence) { channel.close(promise: nil) }
        let end = channel.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
        try pipeline.addHandler(EndpointHandler(documents) { silence.cancel() })
        channel.closeFuture.whenComplete { _ in
            silence.cancel()
            end.cancel()
        }
    }

    /// An endpoint that serves.
    public struct Running: Sendable {
        let channel: any Channel

        public var port: UInt16 { UInt16(channel.localAddress?.port ?? 0) }

        /// Returns when it has ended.
        public func wait() async throws { try await channel.closeFuture.get() }

        public func stop() { channel.close(promise: nil) }
    }
}
