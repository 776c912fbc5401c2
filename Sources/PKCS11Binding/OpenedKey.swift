internal import CPKCS11
internal import OpenSSLBinding

/// A key that was found in its token, with the session to sign by.
///
/// Sendable only because PKCS11Key keeps it inside its lock and uses it nowhere else.
final class OpenedKey: @unchecked Sendable {
    let publicKey: PublicKey
    private let session: PKCS11Session
    private let privateHalf: CK_OBJECT_HANDLE

    /// Logs in once. Where others could have the key out of the token, it is not used.
    init(_ store: PKCS11KeyStore, mayCreate: Bool, expecting expected: PublicKey?) throws(PKCS11Error) {
        let module = try PKCS11Module(path: store.module)
        let (slot, flags) = try module.slot(of: store.token)
        guard flags & CK_FLAGS(CKF_USER_PIN_LOCKED) == 0 else { throw .pinLocked(label: store.token) }
        guard flags & CK_FLAGS(CKF_USER_PIN_FINAL_TRY) == 0 else { throw .finalTry(label: store.token) }
        session = try PKCS11Session(module, slot: slot, pin: try store.readPIN(), writable: mayCreate)
        let objects = KeyObjects(session: session, store: store)
        if mayCreate, try objects.find(CKO_PRIVATE_KEY) == nil { try objects.create() }
        guard let found = try objects.find(CKO_PRIVATE_KEY) else { throw .noKey(store.keyDescription) }
        try objects.checkThatItStays(found)
        publicKey = try objects.publicKey()
        guard expected == nil || publicKey == expected else { throw .otherKey(store.keyDescription) }
        privateHalf = found
    }

    func check() throws(PKCS11Error) { try session.check() }

    func sign(_ message: [UInt8], by scheme: SignatureScheme) throws(PKCS11Error) -> [UInt8] {
        switch scheme {
        case .ecdsa(let hash): try signDigest(try Self.digest(message, hash))
        case .rsaPKCS1(.sha256): try session.sign(message, with: privateHalf, by: CKM_SHA256_RSA_PKCS)
        default: throw .unsuitable("the key", reason: "it does not sign by \(scheme)")
        }
    }

    /// CKM_ECDSA takes digests and gives r and s.
    private func signDigest(_ digest: [UInt8]) throws(PKCS11Error) -> [UInt8] {
        let pair = try session.sign(digest, with: privateHalf, by: CKM_ECDSA)
        do throws(OpenSSLError) {
            return try ECDSASignature.der(concatenated: pair)
        } catch {
            throw .unsuitable("the signature", reason: "\(error)")
        }
    }

    private static func digest(_ message: [UInt8], _ hash: SignatureScheme.HashFunction) throws(PKCS11Error) -> [UInt8]
    {
        do throws(OpenSSLError) { return try hash.hash(message) } catch {
            throw .unsuitable("the hash", reason: "\(error)")
        }
    }
}

extension PKCS11KeyStore {
    fileprivate func readPIN() throws(PKCS11Error) -> SecretBytes {
        do throws(PINError) { return try pin() } catch { throw .pinUnreadable(error.reason) }
    }
}

/// The two halves of the key, as the token tells of them.
private struct KeyObjects {
    let session: PKCS11Session
    let store: PKCS11KeyStore

    private var name: String { store.keyDescription }

    /// Nil when there is none.
    func find(_ objectClass: UInt) throws(PKCS11Error) -> CK_OBJECT_HANDLE? {
        let names =
            (store.keyLabel.map { [PKCS11Attribute.bytes(CKA_LABEL, Array($0.utf8))] } ?? [])
            + (store.keyID.map { [PKCS11Attribute.bytes(CKA_ID, $0)] } ?? [])
        let found = try session.find([.objectClass(objectClass)] + names)
        guard found.count < 2 else { throw .severalKeys(name, count: found.count) }
        return found.first
    }

    func create() throws(PKCS11Error) {
        try session.generate(label: store.keyLabel, id: store.keyID ?? Array((store.keyLabel ?? "").utf8))
    }

    func checkThatItStays(_ privateHalf: CK_OBJECT_HANDLE) throws(PKCS11Error) {
        guard session.value(CKA_SENSITIVE, of: privateHalf) == [1],
            session.value(CKA_EXTRACTABLE, of: privateHalf) == [0]
        else { throw .exportable(name) }
    }

    func publicKey() throws(PKCS11Error) -> PublicKey {
        guard let object = try find(CKO_PUBLIC_KEY) else { throw .noKey("public half of \(name)") }
        let key: PublicKey
        do throws(OpenSSLError) {
            key = try read(object)
        } catch {
            throw .unsuitable(name, reason: "\(error)")
        }
        guard key.isConsistent else { throw .unsuitable(name, reason: "its numbers are no key") }
        return key
    }

    private func read(_ object: CK_OBJECT_HANDLE) throws(OpenSSLError) -> PublicKey {
        if let modulus = session.value(CKA_MODULUS, of: object),
            let exponent = session.value(CKA_PUBLIC_EXPONENT, of: object)
        {
            return try PublicKey(rsaModulus: modulus, exponent: exponent)
        }
        let parameters = session.value(CKA_EC_PARAMS, of: object)
        guard let curve = EllipticCurve.allCases.first(where: { $0.parameters == parameters }),
            let encoded = session.value(CKA_EC_POINT, of: object),
            // An OCTET STRING of fewer than 128 bytes around the point.
            let info = curve.subjectPublicKeyInfo(point: Array(encoded.dropFirst(2)))
        else { throw OpenSSLError(operation: "reading the public half", reasons: ["neither P-256, P-384 nor RSA"]) }
        return try PublicKey(subjectPublicKeyInfo: info)
    }
}
