internal import AuthorityAPI
internal import Foundation
internal import GRPCCore
internal import TrustedPlatform

/// A TPM that is open and answers for its node, when it joins and whenever it renews.
struct TPMWitness: Sendable {
    let tpm: any AttestingTPM
    private let calls: TPMCalls

    /// Making two keys takes slow TPMs half a minute; systemd waits for a minute until the daemon has started.
    private static let patienceWithKeys = Duration.seconds(45)
    /// As long as a challenge lasts.
    private static let patienceWithAnswer = Duration.seconds(30)

    /// Before there is a connection that does not last for ever: a TPM may take long to make its keys.
    init(_ source: any TPMSource, _ calls: TPMCalls) async throws(TPMError) {
        tpm = try await calls.make(within: Self.patienceWithKeys) { () throws(TPMError) in try source.open() }
        self.calls = calls
    }

    /// What lets its node in on this connection, for this certificate request.
    func answer(
        for request: [UInt8], over connection: AuthorityConnection, _ options: CallOptions
    ) async throws -> Podshield_Authority_V1_TPMAnswer {
        var question = Podshield_Authority_V1_ChallengeTPMRequest()
        question.keys = Podshield_Authority_V1_TPMKeys(tpm.keys)
        question.request = Data(request)
        let challenge = try await connection.calls.challengeTPM(question, options: options)
        guard let registers = PlatformRegisters(challenge.registers.map(Int.init)) else {
            throw AuthorityCallError.badAnswer("it asks for registers that are none")
        }
        let exporter = try connection.exporter()
        return try await calls.make(within: Self.patienceWithAnswer) { [tpm] () throws(TPMError) in
            let secret = try tpm.activate(credential: Array(challenge.credential), secret: Array(challenge.secret))
            let nonce = TPMProof.nonce(exporter: exporter, request: request, secret: secret)
            return Podshield_Authority_V1_TPMAnswer(
                tpm.keys, secret: secret, endsAt: challenge.endsAt,
                quote: try tpm.quote(registers, nonce: nonce))
        }
    }
}
