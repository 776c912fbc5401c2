internal import Identity
internal import Issuance
internal import NIOPosix
internal import OpenSSLBinding
internal import Synchronization

/// Has certificates signed by the CA's key, wherever that is, and knows whether it answers. What waits for a key waits on
/// threads that nothing else needs.
final class CertificateSigner: Sendable {
    let authority: CertificateAuthority
    private let observe: @Sendable (AuthorityEvent) -> Void
    /// Why the key did not sign when it was last asked.
    private let failure = Mutex<SigningError?>(nil)

    /// Between two looks at a key that is not in memory.
    private static let pause = Duration.seconds(10)

    init(_ authority: CertificateAuthority, observe: @escaping @Sendable (AuthorityEvent) -> Void) {
        self.authority = authority
        self.observe = observe
    }

    /// Whether `signNow` keeps nobody waiting.
    var isImmediate: Bool { authority.key.isInMemory }

    /// Why there are no signatures now; nil when there are.
    var keyFailure: SigningError? { failure.withLock { $0 } }

    func sign(_ request: ProvenRequest, plan: IssuancePlan, now: Int64) async throws(IssuanceError) -> X509SVID {
        try await byTheKey { (authority) throws(IssuanceError) in try authority.sign(request, plan: plan, now: now) }
    }

    /// The same on the thread of whoever calls.
    func signNow(_ request: ProvenRequest, plan: IssuancePlan, now: Int64) throws(IssuanceError) -> X509SVID {
        try byTheKeyNow { (authority) throws(IssuanceError) in try authority.sign(request, plan: plan, now: now) }
    }

    func revocationList(of revoked: RevokedCertificates) async throws(IssuanceError) -> RevocationList {
        try await byTheKey { (authority) throws(IssuanceError) in
            try authority.revocationList(
                number: revoked.number, of: revoked.certificates, issuedAt: revoked.issuedAt)
        }
    }

    private func byTheKey<Value: Sendable>(
        _ sign: @escaping @Sendable (CertificateAuthority) throws(IssuanceError) -> Value
    ) async throws(IssuanceError) -> Value {
        guard !isImmediate else { return try byTheKeyNow(sign) }
        return try await elsewhere { () throws(IssuanceError) in try self.byTheKeyNow(sign) }
    }

    private func byTheKeyNow<Value>(
        _ sign: (CertificateAuthority) throws(IssuanceError) -> Value
    ) throws(IssuanceError) -> Value {
        do throws(IssuanceError) {
            let signed = try sign(authority)
            if !isImmediate { note(nil) }
            return signed
        } catch {
            if case .signing(let reason) = error { note(reason) }
            throw error
        }
    }

    /// Keeps a key that is elsewhere at hand, and notices while nobody asks when it is away, until the task is cancelled.
    func stayReady() async {
        guard !isImmediate else { return }
        while !Task.isCancelled {
            await look()
            try? await Task.sleep(for: Self.pause)
        }
    }

    private func look() async {
        do throws(IssuanceError) {
            try await elsewhere { [authority] () throws(IssuanceError) in
                do throws(SigningError) { try authority.key.keepReady() } catch { throw .signing(error) }
            }
            note(nil)
        } catch {
            if case .signing(let reason) = error { note(reason) }
        }
    }

    /// Says it once when the key goes, and once when it is back.
    private func note(_ reason: SigningError?) {
        let before = failure.withLock { failure in
            defer { failure = reason }
            return failure
        }
        switch (before, reason) {
        case (nil, let reason?): observe(.keyAway(reason))
        case (_?, nil): observe(.keyBack)
        default: break
        }
    }

    private func elsewhere<Value: Sendable>(
        _ body: @escaping @Sendable () throws(IssuanceError) -> Value
    ) async throws(IssuanceError) -> Value {
        let result: Result<Value, IssuanceError>
        do {
            result = try await NIOThreadPool.singleton.runIfActive {
                Result { () throws(IssuanceError) in try body() }
            }
        } catch {
            // The task was cancelled before its turn came.
            throw .signing(.unavailable("\(error)"))
        }
        return try result.get()
    }
}
