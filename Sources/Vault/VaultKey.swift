internal import JOSE
internal import OpenSSLBinding
internal import Synchronization

/// One version of a key in Vault: a key that is rotated there goes on signing as the version that the CA's certificate names.
final class VaultKey: SigningKey {
    let publicKey: PublicKey
    private let session: VaultSession
    private let store: VaultKeyStore
    private let version: Int
    /// Vault was away at this time: for a moment nobody else waits for it in vain.
    private let lastFailure = Mutex<(at: ContinuousClock.Instant, error: VaultError)?>(nil)

    private static let pause = Duration.seconds(1)

    init(_ session: VaultSession, store: VaultKeyStore, version: Int, publicKey: PublicKey) {
        self.session = session
        self.store = store
        self.version = version
        self.publicKey = publicKey
    }

    var isInMemory: Bool { false }

    /// A signature, too, because only that shows that the policy still allows one.
    func keepReady() throws(SigningError) {
        do throws(VaultError) { try session.keepReady() } catch { throw error.asSigningError }
        guard let scheme = try? scheme else { return }
        _ = try sign([], by: scheme)
    }

    private var scheme: SignatureScheme {
        get throws(VaultError) {
            switch publicKey.kind {
            case .ecP256: .ecdsa(.sha256)
            case .ecP384: .ecdsa(.sha384)
            case .rsa: .rsaPKCS1(.sha256)
            default: throw .unsuitable(store.key, reason: "it is of another kind")
            }
        }
    }

    func sign(_ message: [UInt8], by scheme: SignatureScheme) throws(SigningError) -> [UInt8] {
        do throws(VaultError) {
            return try unlessAway { () throws(VaultError) in try ask(message, scheme) }
        } catch {
            throw error.asSigningError
        }
    }

    private func ask(_ message: [UInt8], _ scheme: SignatureScheme) throws(VaultError) -> [UInt8] {
        let (digest, name) = try Self.digest(message, scheme)
        let answer = try session.ask(
            .post, "\(store.mount)/sign/\(store.key)",
            JSONObject([
                "input": .string(Base64.standard.encode(digest)), "prehashed": .bool(true),
                "hash_algorithm": .string(name), "signature_algorithm": "pkcs1v15", "marshaling_algorithm": "asn1",
                "key_version": .integer(Int64(version)),
            ]))
        guard let text = answer["data"]?.object?["signature"]?.text, text.hasPrefix("vault:v\(version):"),
            let encoded = text.split(separator: ":").last, let signature = Base64.standard.decode(Array(encoded.utf8))
        else { throw .badAnswer("it has no signature by version \(version)") }
        return signature
    }

    private static func digest(
        _ message: [UInt8], _ scheme: SignatureScheme
    ) throws(VaultError) -> (digest: [UInt8], name: String) {
        let (hash, name): (SignatureScheme.HashFunction, String)
        switch scheme {
        case .ecdsa(.sha256), .rsaPKCS1(.sha256): (hash, name) = (.sha256, "sha2-256")
        case .ecdsa(.sha384): (hash, name) = (.sha384, "sha2-384")
        default: throw .unsuitable("the key", reason: "it does not sign by \(scheme)")
        }
        do throws(OpenSSLError) { return (try hash.hash(message), name) } catch { throw VaultError(error) }
    }

    private func unlessAway<Value>(_ body: () throws(VaultError) -> Value) throws(VaultError) -> Value {
        if let last = lastFailure.withLock({ $0 }), ContinuousClock.now < last.at + Self.pause { throw last.error }
        do throws(VaultError) {
            let value = try body()
            lastFailure.withLock { $0 = nil }
            return value
        } catch {
            switch error {
            case .unreachable, .timedOut, .untrusted: lastFailure.withLock { $0 = (.now, error) }
            default: break
            }
            throw error
        }
    }
}
