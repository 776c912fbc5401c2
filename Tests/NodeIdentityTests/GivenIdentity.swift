import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import GRPCProtobuf
import Identity
import KernelTestSupport
import OpenSSLBinding
import SwiftProtobuf
import Synchronization
import WorkloadProtocol

/// A Workload API on a socket of its own that gives everybody what a test says.
final class GivenIdentity: Sendable {
    let path: String
    private let directory: TemporaryDirectory
    private let given: Given
    private let running: Task<Void, any Error>

    init() async throws {
        directory = try TemporaryDirectory()
        path = directory.path + "/api.sock"
        let given = Given()
        self.given = given
        let server = GRPCServer(
            transport: HTTP2ServerTransport.Posix(
                address: .unixDomainSocket(path: path), transportSecurity: .plaintext),
            services: [given])
        running = Task { try await server.serve() }
        _ = try await server.listeningAddress
    }

    deinit { running.cancel() }

    /// An SVID and those whom its holder is to trust.
    func give(_ svid: KeyedSVID, trusting roots: [[UInt8]], lists: [[UInt8]] = []) throws {
        let key = try unsafe svid.key.pkcs8DER().withUnsafeBytes { unsafe Data($0) }
        give(
            .with {
                $0.svids = [
                    .with {
                        $0.spiffeID = svid.svid.id.description
                        $0.x509Svid = Data(svid.svid.chain.flatMap(\.der))
                        $0.x509SvidKey = key
                        $0.bundle = Data(roots.flatMap(\.self))
                    }
                ]
                $0.crl = lists.map { Data($0) }
            })
    }

    func give(_ message: X509SVIDResponse?) { given.message.withLock { $0 = message } }

    private final class Given: RegistrableRPCService {
        let message = Mutex<X509SVIDResponse?>(nil)

        func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
            router.registerHandler(
                forMethod: SpiffeWorkloadAPI.Method.FetchX509SVID.descriptor,
                deserializer: ProtobufDeserializer<X509SVIDRequest>(),
                serializer: ProtobufSerializer<X509SVIDResponse>()
            ) { [self] request, _ in
                guard Array(request.metadata[stringValues: "workload.spiffe.io"]) == ["true"] else {
                    throw RPCError(code: .invalidArgument, message: "security header missing from request")
                }
                guard let message = message.withLock({ $0 }) else {
                    throw RPCError(code: .permissionDenied, message: "no identity issued")
                }
                return StreamingServerResponse { writer in
                    try await writer.write(message)
                    return [:]
                }
            }
        }
    }
}

/// An answer of the Workload API, to be spoilt.
struct X509SVIDMessage {
    var chain: [UInt8]
    var key: PrivateKey
    var roots: [UInt8]

    init(_ svid: KeyedSVID, _ root: Certificate) {
        chain = svid.svid.chain.flatMap(\.der)
        key = svid.key
        roots = root.der
    }

    var response: X509SVIDResponse {
        .with {
            $0.svids = [
                .with {
                    $0.x509Svid = Data(chain)
                    $0.x509SvidKey = (try? unsafe key.pkcs8DER().withUnsafeBytes { unsafe Data($0) }) ?? Data()
                    $0.bundle = Data(roots)
                }
            ]
        }
    }
}
