import GRPCCore
import GRPCNIOTransportHTTP2
import KernelTestSupport
import SwiftProtobuf
import WorkloadProtocol

/// A Workload API that answers what it was told to.
struct WorkloadAPI: SpiffeWorkloadAPI.SimpleServiceProtocol {
    struct Answers: Sendable {
        var error: RPCError?
        /// Of its stream, which ends after them.
        var messages: [X509SVIDResponse] = []
        var svids: [[WorkloadProtocol.X509SVID]] {
            get { messages.map(\.svids) }
            set { messages = newValue.map { svids in .with { $0.svids = svids } } }
        }
        var tokens: [WorkloadProtocol.JWTSVID] = []
        var validated = ValidateJWTSVIDResponse()
    }

    private var answers = Answers()

    init(_ set: (inout Answers) -> Void) { set(&answers) }

    private func answer() throws {
        if let error = answers.error { throw error }
    }

    func fetchX509SVID(
        request: X509SVIDRequest, response: RPCWriter<X509SVIDResponse>, context: ServerContext
    ) async throws {
        try answer()
        for message in answers.messages { try await response.write(message) }
    }

    func fetchJWTSVID(request: JWTSVIDRequest, context: ServerContext) async throws -> JWTSVIDResponse {
        try answer()
        return .with { $0.svids = answers.tokens }
    }

    func validateJWTSVID(
        request: ValidateJWTSVIDRequest, context: ServerContext
    ) async throws -> ValidateJWTSVIDResponse {
        try answer()
        return answers.validated
    }

    private static let unused = RPCError(code: .unimplemented, message: "psid does not ask for it")

    func fetchX509Bundles(
        request: X509BundlesRequest, response: RPCWriter<X509BundlesResponse>, context: ServerContext
    ) async throws { throw Self.unused }

    func fetchJWTBundles(
        request: JWTBundlesRequest, response: RPCWriter<JWTBundlesResponse>, context: ServerContext
    ) async throws { throw Self.unused }

    func fetchWITSVID(
        request: WITSVIDRequest, response: RPCWriter<WITSVIDResponse>, context: ServerContext
    ) async throws { throw Self.unused }

    func fetchWITBundles(
        request: WITBundlesRequest, response: RPCWriter<WITBundlesResponse>, context: ServerContext
    ) async throws { throw Self.unused }
}

func psid(_ arguments: String..., to api: WorkloadAPI) async throws -> Outcome {
    try await psid(arguments, to: api)
}

func psid(_ arguments: [String], to api: WorkloadAPI) async throws -> Outcome {
    try await withWorkloadAPI(api) { await psid(arguments + ["--endpoint", "unix://\($0)"]) }
}

/// `body` gets the path of its socket.
func withWorkloadAPI<Result: Sendable>(
    _ api: WorkloadAPI, _ body: @Sendable (_ path: String) async throws -> Result
) async throws -> Result {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/api.sock"
    let transport = HTTP2ServerTransport.Posix(
        address: .unixDomainSocket(path: path), transportSecurity: .plaintext)
    return try await withGRPCServer(transport: transport, services: [api]) { server in
        _ = try await server.listeningAddress
        let result = try await body(path)
        _ = directory
        return result
    }
}

/// The same over TCP.
func withWorkloadAPI<Result: Sendable>(
    _ api: WorkloadAPI, at host: String, _ body: @Sendable (_ port: Int) async throws -> Result
) async throws -> Result {
    let address: SocketAddress =
        host.contains(":") ? .ipv6(host: host, port: 0) : .ipv4(host: host, port: 0)
    let transport = HTTP2ServerTransport.Posix(address: address, transportSecurity: .plaintext)
    return try await withGRPCServer(transport: transport, services: [api]) { server in
        let listening = try await server.listeningAddress
        return try await body(listening?.ipv4?.port ?? listening?.ipv6?.port ?? 0)
    }
}
