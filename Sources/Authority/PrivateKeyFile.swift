internal import Issuance
internal import LinuxBinding
internal import OpenSSLBinding

extension PrivateKey {
    /// Reads a file that nobody else may read: one unencrypted PKCS #8 key in PEM.
    convenience init(file path: String) throws(AuthorityError) {
        let pem: SecretBytes
        do throws(PrivateFileError) {
            let file = try PrivateFile(opening: path)
            pem = try unsafe SecretBytes(count: file.byteCount) { (memory) throws(PrivateFileError) in
                unsafe try file.read(into: memory)
            }
        } catch {
            throw .keyFile(error)
        }
        do throws(OpenSSLError) {
            try self.init(pem: pem)
        } catch {
            throw .unreadable(path: path, reason: "\(error)")
        }
    }

    /// Leaves such a file: 0600, all or nothing.
    func write(to path: String) throws(AuthorityError) {
        let pem: SecretBytes
        do throws(OpenSSLError) { pem = try pkcs8PEM() } catch { throw .issuance(.openSSL(error)) }
        do throws(SystemError) {
            try unsafe pem.withUnsafeBytes { (bytes) throws(SystemError) in
                unsafe try AtomicFile.write(bytes, to: path, mode: 0o600)
            }
        } catch {
            throw .stateFile(error)
        }
    }
}
