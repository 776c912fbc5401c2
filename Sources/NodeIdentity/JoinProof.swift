internal import AuthorityAPI
internal import GRPCCore
internal import OpenSSLBinding
internal import TrustedPlatform

/// A credential that is ready to be shown.
enum JoinProof: Sendable {
    case token(String)
    case certificate(chain: [Certificate], key: PrivateKey)
    case clusterToken(String)
    case tpm(TPMWitness)

    init(_ credential: JoinCredential, _ calls: TPMCalls) async throws(JoinError) {
        switch credential {
        case .token(let token): self = .token(token)
        case .clusterToken(let token): self = .clusterToken(token)
        case .certificate(let chain, let key): self = .certificate(chain: chain, key: key)
        case .tpm(let source):
            do throws(TPMError) { self = .tpm(try await TPMWitness(source, calls)) } catch { throw .tpm(error) }
        }
    }

    var certificateFailure: TPMError? {
        guard case .tpm(let witness) = self else { return nil }
        return witness.tpm.certificateFailure
    }

    /// Puts into `request`, whose certificate request is there, what lets its node in on this connection.
    func add(
        to request: inout Podshield_Authority_V1_JoinRequest, over connection: AuthorityConnection,
        _ options: CallOptions
    ) async throws {
        switch self {
        case .token(let token): request.token = token
        case .clusterToken(let token): request.clusterToken = token
        case .certificate(let chain, let key):
            request.certificate = try Podshield_Authority_V1_MachineCertificate(
                chain: chain, key: key, exporter: try connection.exporter(), request: Array(request.request))
        case .tpm(let witness):
            request.tpm = try await witness.answer(for: Array(request.request), over: connection, options)
        }
    }
}
