internal import AuthorityAPI
internal import Foundation
internal import GRPCCore
internal import OpenSSLBinding
internal import TrustedPlatform

/// A credential that is ready to be shown.
enum JoinProof: Sendable {
    case token(String)
    case certificate(chain: [Certificate], key: PrivateKey)
    case clusterToken(String)
    case tpm(any AttestingTPM, TPMCalls)

    /// Making two keys takes slow TPMs half a minute; systemd waits for a minute until the daemon has started.
    private static let patienceWithKeys = Duration.seconds(45)
    /// As long as a challenge lasts.
    private static let patienceWithAnswer = Duration.seconds(30)

    /// Before there is a connection, which does not last for ever: a TPM may take long to make its keys.
    init(_ credential: JoinCredential, _ calls: TPMCalls) async throws(JoinError) {
        switch credential {
        case .token(let token): self = .token(token)
        case .clusterToken(let token): self = .clusterToken(token)
        case .certificate(let chain, let key): self = .certificate(chain: chain, key: key)
        case .tpm(let source):
            do throws(TPMError) {
                let tpm = try await calls.make(within: Self.patienceWithKeys) { () throws(TPMError) in try source.open() }
                self = .tpm(tpm, calls)
            } catch {
                throw .tpm(error)
            }
        }
    }

    var certificateFailure: TPMError? {
        guard case .tpm(let tpm, _) = self else { return nil }
        return tpm.certificateFailure
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
        case .tpm(let tpm, let calls):
            request.tpm = try await Self.answer(
                of: tpm, calls, for: Array(request.request), over: connection, options)
        }
    }

    private static func answer(
        of tpm: any AttestingTPM, _ calls: TPMCalls, for request: [UInt8], over connection: AuthorityConnection,
        _ options: CallOptions
    ) async throws -> Podshield_Authority_V1_TPMAnswer {
        var question = Podshield_Authority_V1_ChallengeTPMRequest()
        question.keys = Podshield_Authority_V1_TPMKeys(tpm.keys)
        question.request = Data(request)
        let challenge = try await connection.calls.challengeTPM(question, options: options)
        guard let registers = PlatformRegisters(challenge.registers.map(Int.init)) else {
            throw AuthorityCallError.badAnswer("it asks for registers that are none")
        }
        let exporter = try connection.exporter()
        return try await calls.make(within: patienceWithAnswer) { () throws(TPMError) in
            let secret = try tpm.activate(credential: Array(challenge.credential), secret: Array(challenge.secret))
            let nonce = TPMProof.nonce(exporter: exporter, request: request, secret: secret)
            return Podshield_Authority_V1_TPMAnswer(
                tpm.keys, secret: secret, endsAt: challenge.endsAt,
                quote: try tpm.quote(registers, nonce: nonce))
        }
    }
}
