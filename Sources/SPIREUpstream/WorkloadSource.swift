internal import Foundation
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import Identity
internal import Issuance
internal import NIOCore
internal import NIOPosix
internal import OpenSSLBinding
internal import PrintableText
internal import SecureTransport
internal import WorkloadProtocol

/// Who the daemon is to the Workload API that it was told of, and whom its trust domain trusts.
struct OwnIdentity: Sendable {
    let svid: KeyedSVID
    let bundle: TrustBundle
}

/// Asks a Workload API, as any workload does (SPIFFE_Workload_API.md section 5).
struct WorkloadSource: Sendable {
    private typealias Transport = HTTP2ClientTransport.WrappedChannel

    let socket: String
    /// Of the SVID that is meant; nil for the first.
    let hint: String?
    let trustDomain: TrustDomain
    let now: @Sendable () -> Int64

    /// Of an answer; more than certificates, roots and lists of a trust domain take.
    private static let mostBytes = 4 << 20
    private static let connectTimeout = TimeAmount.seconds(3)

    /// What it says now.
    func current() async throws(UpstreamError) -> OwnIdentity {
        let answer: X509SVIDResponse?
        do {
            let transport = try await Transport.wrapping(config: Self.configuration) { configure in
                try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connectTimeout(Self.connectTimeout)
                    .connect(unixDomainSocketPath: socket, channelInitializer: configure)
            }
            answer = try await withGRPCClient(transport: transport) { client in
                try await SpiffeWorkloadAPI.Client(wrapping: client)
                    .fetchX509SVID(.init(), metadata: ["workload.spiffe.io": "true"], options: Self.options) {
                        try await $0.messages.first { _ in true }
                    }
            }
        } catch let error as RPCError {
            throw problem("it answers \(error.code): \(error.message.printable)")
        } catch {
            throw problem(SocketFailure.reason(error))
        }
        guard let answer, !answer.svids.isEmpty else { throw problem("it answers nothing") }
        guard let svid = answer.svids.first(where: { hint == nil || $0.hint == hint }) else {
            throw problem("of \(answer.svids.count) none has the hint \((hint ?? "").quoted)")
        }
        return try OwnIdentity(svid, lists: answer.crl, in: trustDomain, at: now())
    }

    private func problem(_ what: String) -> UpstreamError {
        UpstreamError("no SVID from the Workload API at \(socket): \(what)")
    }

    /// Servers of other makes answer nobody who does not name them.
    private static var configuration: Transport.Config { .defaults { $0.http2.authority = "localhost" } }

    private static var options: CallOptions {
        var options = CallOptions.defaults
        options.timeout = .seconds(5)
        // By which of the two the transport bounds answers is its own affair: it goes by the one for requests.
        (options.maxRequestMessageBytes, options.maxResponseMessageBytes) = (mostBytes, mostBytes)
        return options
    }
}

extension OwnIdentity {
    /// The default of several is the first (section 5.2.1).
    fileprivate init(
        _ message: WorkloadProtocol.X509SVID, lists: [Data], in trustDomain: TrustDomain, at now: Int64
    ) throws(UpstreamError) {
        let roots = try CertificateSequence(message.bundle, most: Self.mostRoots).certificates
        let chain = try CertificateSequence(message.x509Svid, most: SVIDVerifier.maximumCertificates).certificates
        let issuers = chain.dropFirst() + roots
        // A list of somebody else than those who vouch for us says nothing here.
        let revocations = lists.prefix(Self.mostRoots).compactMap { list in
            issuers.lazy.compactMap { try? RevocationList(der: Array(list), of: $0) }.first
        }
        do throws(SVIDRejection) {
            bundle = try TrustBundle(
                trustDomain: trustDomain, authorities: roots, issuers: Array(chain.dropFirst()),
                revocations: revocations, sequence: 1)
            let verified = try SVIDVerifier(bundle: bundle).verify(chain: chain, at: now)
            svid = try KeyedSVID(svid: verified, key: try Self.key(message.x509SvidKey))
        } catch {
            throw UpstreamError("the SVID that the Workload API gives is not good: \(error)")
        }
    }

    private static let mostRoots = 32

    private static func key(_ bytes: Data) throws(SVIDRejection) -> PrivateKey {
        do throws(OpenSSLError) { return try PrivateKey(pkcs8DER: SecretBytes(Array(bytes))) } catch {
            throw .keyMismatch
        }
    }
}
