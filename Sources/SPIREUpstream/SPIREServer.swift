internal import Foundation
internal import GRPCCore
public import Identity
internal import Inquiry
public import Issuance
public import OpenSSLBinding
internal import PrintableText
internal import SPIREAPI
internal import SecureCalls
internal import SecureTransport
internal import SwiftProtobuf

/// A server of SPIRE, or a Podshield authority that signs for others, as the authority above ours. It belongs to the same trust
/// domain. Who asks it is known by an X509-SVID of that trust domain, which the Workload API of a node of its gives.
public struct SPIREServer: UpstreamAuthority {
    private let host: String
    private let port: UInt16
    let source: WorkloadSource
    private let server: SPIFFEID
    private let now: @Sendable () -> Int64
    public let publishesKeys: Bool
    public let description: String

    /// Most that one inquiry takes, the Workload API's answer included.
    static let patience = Duration.seconds(30)

    /// - Parameters:
    ///   - workloadSocket: path of the Workload API's socket.
    ///   - hint: of the SVID to show, where that gives several; nil for the first.
    ///   - publishesKeys: whether the keys that we sign JWT-SVIDs with are published there.
    ///   - now: seconds since 1970.
    public init(
        _ trustDomain: TrustDomain, host: String, port: UInt16, workloadSocket: String, hint: String? = nil,
        publishesKeys: Bool = false, now: @escaping @Sendable () -> Int64
    ) throws(SPIFFEIDError) {
        server = try ReservedNames.spireServer(in: trustDomain)
        self.host = host
        self.port = port
        self.now = now
        self.publishesKeys = publishesKeys
        source = WorkloadSource(socket: workloadSocket, hint: hint, trustDomain: trustDomain, now: now)
        description = "upstream-spire (\(host.contains(":") ? "[\(host)]" : host):\(port))"
    }

    /// Its own path length and lifetime are its business: no request can say how they are to be.
    public var choosesLimits: Bool { true }

    /// The CA that it shows itself by now.
    public func certificates() throws(UpstreamError) -> [Certificate] {
        try Self.answer { () async throws(UpstreamError) in
            let own = try await source.current()
            let outcome: HandshakeOutcome
            do throws(SecureConnectionFailure) {
                outcome = try await SecureConnection.greet(
                    host: host, port: Int(port), identity: identity(own),
                    expecting: .workload(anyOf: [server], isOfOwnNode: false))
            } catch {
                throw UpstreamError(error, of: server)
            }
            guard let peer = outcome.peer else { throw UpstreamError("the server has shown no certificate") }
            return peer.chain.dropFirst() + [peer.anchor]
        }
    }

    public func sign(_ request: AuthorityRequest) throws(UpstreamError) -> [Certificate] {
        let message = Spire_Api_Server_Svid_V1_NewDownstreamX509CARequest.with {
            $0.csr = Data(request.der)
            $0.preferredTtl = Int32(clamping: request.seconds)
        }
        return try call { (client, own) throws(UpstreamError) in
            let answer: Spire_Api_Server_Svid_V1_NewDownstreamX509CAResponse
            do {
                answer = try await Spire_Api_Server_Svid_V1_SVID.Client(wrapping: client)
                    .newDownstreamX509CA(message, options: Self.options)
            } catch {
                throw UpstreamError(calling: error, to: "have a CA")
            }
            return try SignedAuthority(answer, trusting: own.bundle).certificates
        }
    }

    /// Calls the server once.
    func call<Answer: Sendable>(
        _ body:
            @escaping @Sendable (GRPCClient<SecureConnection.Transport>, OwnIdentity) async throws(UpstreamError) ->
            Answer
    ) throws(UpstreamError) -> Answer {
        try Self.answer { () async throws(UpstreamError) in
            let own = try await source.current()
            let connection = try await connect(as: own)
            // To its end: gRPC's part of a connection must not be let go of before.
            Task { try? await connection.run() }
            defer { connection.close() }
            return try await body(connection.client, own)
        }
    }

    static func answer<Value: Sendable>(
        _ body: @escaping @Sendable () async throws(UpstreamError) -> Value
    ) throws(UpstreamError) -> Value {
        guard let answer = try Inquiry.answer(within: patience, body) else {
            throw UpstreamError("the server has not answered within \(patience)")
        }
        return answer
    }

    /// With an SVID of now, to the server of now: neither is kept.
    private func connect(as own: OwnIdentity) async throws(UpstreamError) -> SecureConnection {
        do throws(SecureConnectionFailure) {
            return try await SecureConnection.open(
                host: host, port: Int(port), identity: identity(own),
                expecting: .workload(anyOf: [server], isOfOwnNode: false))
        } catch {
            throw UpstreamError(error, of: server)
        }
    }

    private func identity(_ own: OwnIdentity) -> TransportIdentity {
        TransportIdentity(current: { own.svid }, bundle: { own.bundle }, now: now)
    }

    static var options: CallOptions {
        var options = CallOptions.defaults
        options.timeout = .seconds(10)
        options.waitForReady = true
        // By which of the two the transport bounds answers is its own affair: it goes by the one for requests.
        (options.maxRequestMessageBytes, options.maxResponseMessageBytes) = (
            SignedAuthority.mostBytes, SignedAuthority.mostBytes
        )
        return options
    }
}

extension UpstreamError {
    fileprivate init(_ failure: SecureConnectionFailure, of server: SPIFFEID) {
        switch failure {
        case .notReached(let reason): self.init("the server cannot be reached: \(reason)")
        case .transport(.unexpectedPeer(let id, _)): self.init("the server is \(id), and not \(server)")
        case .transport(let error): self.init("no connection to the server: \(error)")
        }
    }

    /// - Parameter what: that the daemon is to do by it.
    init(calling error: any Error, to what: String) {
        guard let error = error as? RPCError else {
            self.init("the server did not answer: \("\(error)".printable)")
            return
        }
        switch error.code {
        case .permissionDenied, .unauthenticated:
            self.init(
                "the server does not let the daemon \(what): \(error.message.printable)",
                isRefusal: error.code == .permissionDenied)
        case .unimplemented:
            self.init("the server lets nobody \(what): \(error.message.printable)", isRefusal: true)
        default:
            self.init(
                "the server did not let the daemon \(what) (\(error.code)): \(error.message.printable)",
                isRefusal: [.alreadyExists, .failedPrecondition, .invalidArgument].contains(error.code))
        }
    }
}
