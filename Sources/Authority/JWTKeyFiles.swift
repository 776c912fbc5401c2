internal import Foundation
internal import Identity
internal import Issuance
internal import JOSE
internal import LinuxBinding
internal import OpenSSLBinding

/// Private keys for JWT-SVIDs, a file each, beside the CA's and as private.
struct JWTKeyFiles: Sendable {
    let directory: String

    /// Key IDs are base64url.
    func path(_ keyID: String) -> String { "\(directory)/\(Self.prefix)\(keyID)\(Self.suffix)" }

    private static let prefix = "jwt-"
    private static let suffix = ".key"

    func write(_ key: JWTSigningKey) throws(AuthorityError) {
        try key.key.write(to: path(key.authority.keyID))
    }

    /// Nil when there is no such file; throws for one that others could read, or that holds something else.
    func load(_ key: KeySchedule.Key, of trustDomain: TrustDomain) throws(AuthorityError) -> JWTSigningKey? {
        let path = path(key.id)
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let privateKey = try PrivateKey(file: path)
        let loaded: JWTSigningKey
        do throws(IssuanceError) {
            loaded = try JWTSigningKey(trustDomain: trustDomain, key: privateKey, notAfter: key.notAfter)
        } catch {
            throw .unreadable(path: path, reason: "\(error)")
        }
        guard loaded.authority.keyID == key.id else {
            throw .unreadable(path: path, reason: "it is another key")
        }
        return loaded
    }

    /// Removes all files but those of these keys: what ended, and what a start left that was interrupted.
    func keepOnly(_ keyIDs: Set<String>) throws(AuthorityError) {
        do throws(SystemError) {
            for name in try PrivateDirectory.names(in: directory)
            where name.hasPrefix(Self.prefix) && name.hasSuffix(Self.suffix) {
                let keyID = String(name.dropFirst(Self.prefix.count).dropLast(Self.suffix.count))
                if !keyIDs.contains(keyID) { try AtomicFile.remove(path(keyID)) }
            }
        } catch {
            throw .stateFile(error)
        }
    }
}
