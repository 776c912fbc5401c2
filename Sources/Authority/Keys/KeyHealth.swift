internal import OpenSSLBinding
internal import Synchronization

/// Whether the key store signs, for all CAs whose keys it has: said once when it does not, and once when it does again.
final class KeyHealth: Sendable {
    private let observe: @Sendable (AuthorityEvent) -> Void
    private let reason = Mutex<SigningError?>(nil)

    init(observe: @escaping @Sendable (AuthorityEvent) -> Void) { self.observe = observe }

    /// Why a key did not sign when one was last asked; nil when it did.
    var failure: SigningError? { reason.withLock { $0 } }

    func note(_ new: SigningError?) {
        let before = reason.withLock { reason in
            defer { reason = new }
            return reason
        }
        switch (before, new) {
        case (nil, let new?): observe(.keyAway(new))
        case (_?, nil): observe(.keyBack)
        default: break
        }
    }
}
