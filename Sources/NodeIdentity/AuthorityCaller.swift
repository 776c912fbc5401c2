internal import AuthorityAPI
internal import GRPCCore
internal import OpenSSLBinding
internal import TrustedPlatform

/// Makes calls over whichever connection there is. All calls can be repeated without harm, so one that a connection took
/// down with it is made again on the next, as long as patience lasts.
struct AuthorityCaller: Sendable {
    typealias Calls = Podshield_Authority_V1_Authority.Client<AuthorityConnection.Transport>

    let slot: ConnectionSlot
    let patience: Duration

    func call<Answer: Sendable>(
        _ body: @Sendable (Calls, CallOptions) async throws -> Answer
    ) async throws(AuthorityCallError) -> Answer {
        try await callOverConnection { connection, options in try await body(connection.calls, options) }
    }

    /// The same for what is bound to its connection.
    func callOverConnection<Answer: Sendable>(
        _ body: @Sendable (AuthorityConnection, CallOptions) async throws -> Answer
    ) async throws(AuthorityCallError) -> Answer {
        let deadline = ContinuousClock.now + patience
        var turn: UInt64 = 0
        var reason = "no connection within \(patience)"
        while let held = await slot.connection(after: turn, within: deadline - .now) {
            var options = CallOptions.defaults
            options.timeout = max(deadline - .now, .milliseconds(1))
            do {
                return try await body(held.connection, options)
            } catch {
                let failure = AuthorityCallError(error)
                guard case .unreachable(let why) = failure else { throw failure }
                reason = why
            }
            turn = held.turn
        }
        throw .unreachable(reason)
    }
}

extension AuthorityCallError {
    /// What a failed call means.
    init(_ error: any Error) {
        if let error = error as? AuthorityCallError {
            self = error
        } else if let error = error as? OpenSSLError {
            self = .openSSL(error)
        } else if let error = error as? TPMError {
            self = .tpm(error)
        } else if let error = error as? RPCError {
            self = Self.meaning(of: error)
        } else {
            self = .unreachable("\(error)")
        }
    }

    private static func meaning(of error: RPCError) -> AuthorityCallError {
        switch error.code {
        case .permissionDenied where error.metadata.says(AuthorityWire.standing, AuthorityWire.notAMember):
            .notAMember(error.message)
        case .permissionDenied where error.metadata.says(AuthorityWire.standing, AuthorityWire.joinedAgain):
            .joinedAgain(error.message)
        case .failedPrecondition where error.metadata.says(AuthorityWire.standing, AuthorityWire.tpmNeeded): .tpmNeeded
        case .permissionDenied: .denied(error.message)
        case .unavailable where error.metadata.says(AuthorityWire.standing, AuthorityWire.cutOff):
            .cutOff(error.message)
        case .notFound: .notRegistered(error.message)
        case .invalidArgument, .alreadyExists, .failedPrecondition, .outOfRange, .unimplemented:
            .rejected(error.message)
        case .resourceExhausted: .overloaded(error.message)
        default: .unreachable(error.message)
        }
    }
}

extension Metadata {
    fileprivate func says(_ key: String, _ value: String) -> Bool { self[stringValues: key].contains(value) }
}
