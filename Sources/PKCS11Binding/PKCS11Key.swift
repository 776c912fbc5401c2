internal import OpenSSLBinding
internal import Synchronization

/// The key behind the store. One signature at a time; a session that is lost is opened again once, a PIN that was wrong is
/// never tried again.
final class PKCS11Key: SigningKey {
    let publicKey: PublicKey
    private let store: PKCS11KeyStore
    private let state: Mutex<State>

    private struct State {
        /// Nil after it failed.
        var opened: OpenedKey?
        var refusal: PKCS11Error?
    }

    init(_ store: PKCS11KeyStore, _ opened: OpenedKey) {
        self.store = store
        publicKey = opened.publicKey
        state = Mutex(State(opened: opened))
    }

    var isInMemory: Bool { false }

    func keepReady() throws(SigningError) {
        _ = try use { key throws(PKCS11Error) in
            try key.check()
            return []
        }
    }

    func sign(_ message: [UInt8], by scheme: SignatureScheme) throws(SigningError) -> [UInt8] {
        try use { key throws(PKCS11Error) in try key.sign(message, by: scheme) }
    }

    private func use(_ body: (OpenedKey) throws(PKCS11Error) -> [UInt8]) throws(SigningError) -> [UInt8] {
        let result = state.withLock { state in
            Result { () throws(PKCS11Error) in try use(&state, body) }
        }
        switch result {
        case .success(let value): return value
        case .failure(let error): throw SigningError(error)
        }
    }

    private func use(
        _ state: inout State, _ body: (OpenedKey) throws(PKCS11Error) -> [UInt8]
    ) throws(PKCS11Error) -> [UInt8] {
        if let refusal = state.refusal { throw refusal }
        if let held = state.opened {
            do throws(PKCS11Error) { return try body(held) } catch { state.opened = nil }
        }
        do throws(PKCS11Error) {
            let fresh = try OpenedKey(store, mayCreate: false, expecting: publicKey)
            let value = try body(fresh)
            state.opened = fresh
            return value
        } catch {
            if error.isFinal { state.refusal = error }
            throw error
        }
    }
}
