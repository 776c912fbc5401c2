internal import Identity
internal import LinuxBinding
internal import OpenSSLBinding

/// A file that holds an SVID and its key as PEM, because the one is worth nothing without the other, below a note in plain
/// text. Only its owner may read it, and it is replaced whole.
struct IdentityFile: Sendable {
    let path: String

    struct Contents {
        /// What stands above the first certificate.
        let note: Substring
        /// Leaf first.
        let chain: [Certificate]
        let key: PrivateKey
    }

    // MARK: Reading

    func read() throws(NodeStateError) -> Contents {
        let secret = try readSecret()
        do throws(OpenSSLError) {
            let (text, key) = try Self.split(secret)
            let chain = try Certificate.parsePEMChain(text)
            guard !chain.isEmpty else { throw OpenSSLError(operation: "reading certificates", reasons: ["none"]) }
            return Contents(note: Self.note(in: text), chain: chain, key: try PrivateKey(pem: key))
        } catch {
            throw .unreadable(path: path, reason: "\(error)")
        }
    }

    private func readSecret() throws(NodeStateError) -> SecretBytes {
        do throws(PrivateFileError) {
            let file = try PrivateFile(opening: path)
            return try unsafe SecretBytes(count: file.byteCount) { (memory) throws(PrivateFileError) in
                unsafe try file.read(into: memory)
            }
        } catch {
            throw .privateFile(error)
        }
    }

    /// What stands above the key as text, and the key, which stays in memory that is wiped.
    private static func split(_ contents: SecretBytes) throws(OpenSSLError) -> (text: String, key: SecretBytes) {
        let marker = Array(keyMarker.utf8)
        return try unsafe contents.withUnsafeBytes { (bytes) throws(OpenSSLError) in
            let starts = 0..<max(bytes.count - marker.count + 1, 0)
            let start = starts.first { unsafe bytes[$0..<$0 + marker.count].elementsEqual(marker) }
            guard let start else { throw OpenSSLError(operation: "reading the key", reasons: ["there is none"]) }
            let key = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
            return (
                unsafe String(decoding: bytes[..<start], as: UTF8.self),
                unsafe SecretBytes(count: key.count) { unsafe $0.copyMemory(from: key) }
            )
        }
    }

    private static func note(in text: String) -> Substring {
        text.firstRange(of: certificateMarker).map { text[..<$0.lowerBound] } ?? text[...]
    }

    private static let certificateMarker = "-----BEGIN CERTIFICATE-----"
    private static let keyMarker = "-----BEGIN PRIVATE KEY-----"

    // MARK: Writing

    /// `note` is whole lines without the marks of PEM.
    func write(_ svid: KeyedSVID, note: String = "") throws(NodeStateError) {
        let contents: SecretBytes
        do throws(OpenSSLError) {
            contents = try Self.encode(svid, note: note)
        } catch {
            throw .unreadable(path: path, reason: "\(error)")
        }
        do throws(SystemError) {
            try unsafe contents.withUnsafeBytes { (bytes) throws(SystemError) in
                unsafe try AtomicFile.write(bytes, to: path, mode: 0o600)
            }
        } catch {
            throw .file(error)
        }
    }

    private static func encode(_ svid: KeyedSVID, note: String) throws(OpenSSLError) -> SecretBytes {
        var text = Array(note.utf8)
        for certificate in svid.svid.chain { text += Array(try certificate.pem.utf8) }
        let key = try svid.key.pkcs8PEM()
        return unsafe SecretBytes(count: text.count + key.count) { memory in
            unsafe memory.copyBytes(from: text)
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[text.count...])
            unsafe key.withUnsafeBytes { unsafe rest.copyMemory(from: $0) }
        }
    }
}
