public import HTTPSClient
internal import JOSE
public import OpenSSLBinding

/// The CA's key in Vault's transit engine, or OpenBao's, which is the same.
public struct VaultKeyStore: SigningKeyStore {
    public var server: HTTPSServer
    public var login: VaultLogin
    public var namespace: String?
    /// Where the engine is mounted.
    public var mount: String
    public var key: String
    /// Makes the key, `ecdsa-p256`, when there is none and no CA needs one that was made before.
    public var mayCreate: Bool

    public init(
        server: HTTPSServer, login: VaultLogin, namespace: String? = nil, mount: String, key: String, mayCreate: Bool
    ) {
        self.server = server
        self.login = login
        self.namespace = namespace
        self.mount = mount
        self.key = key
        self.mayCreate = mayCreate
    }

    /// - Throws: `refused` for a key that is not fit to be a CA's.
    public func open(expecting expected: PublicKey?) throws(SigningError) -> any SigningKey {
        let session = VaultSession(VaultClient(server, namespace: namespace), login)
        do throws(VaultError) {
            let versions = try versions(session, mayCreate: mayCreate && expected == nil)
            guard let chosen = versions.first(where: { expected == nil || $0.key == expected }) else {
                throw .otherKey(key)
            }
            return VaultKey(session, store: self, version: chosen.number, publicKey: chosen.key)
        } catch {
            throw error.asSigningError
        }
    }

    private func versions(
        _ session: VaultSession, mayCreate: Bool
    ) throws(VaultError) -> [(number: Int, key: PublicKey)] {
        let path = "\(mount)/keys/\(key)"
        do throws(VaultError) {
            return try read(try session.ask(.get, path))
        } catch .status(404, _) {
            guard mayCreate else { throw .noKey(key) }
            let kind = JSONObject([
                "type": "ecdsa-p256", "exportable": .bool(false), "allow_plaintext_backup": .bool(false),
            ])
            _ = try session.ask(.post, path, kind)
            return try read(try session.ask(.get, path))
        } catch {
            throw error
        }
    }

    /// The newest first.
    private func read(_ answer: JSONObject) throws(VaultError) -> [(number: Int, key: PublicKey)] {
        guard let facts = answer["data"]?.object, let keys = facts["keys"]?.object else {
            throw .badAnswer("it tells of no key")
        }
        for way in ["exportable", "allow_plaintext_backup"] {
            guard case .bool(false) = facts[way] else { throw .exportable(key) }
        }
        let versions = try keys.members.map { (member) throws(VaultError) in
            guard let number = Int(member.name), let pem = member.value.object?["public_key"]?.text else {
                throw .unsuitable(key, reason: "it has no public half")
            }
            return (number: number, key: try publicKey(pem))
        }
        return versions.sorted { $0.number > $1.number }
    }

    private func publicKey(_ pem: String) throws(VaultError) -> PublicKey {
        let found: PublicKey
        do throws(OpenSSLError) { found = try PublicKey(pem: pem) } catch {
            throw .unsuitable(key, reason: "\(error)")
        }
        switch found.kind {
        case .ecP256, .ecP384, .rsa: return found
        default: throw .unsuitable(key, reason: "it is neither P-256, P-384 nor RSA")
        }
    }
}

extension VaultKeyStore: CustomStringConvertible {
    public var description: String { "Vault at \(server.authority)" }
}
