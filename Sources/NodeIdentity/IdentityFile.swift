internal import Identity
internal import LinuxBinding
internal import OpenSSLBinding

/// A file that holds an SVID and its key as PEM, because the one is worth nothing without the other, below a note in plain
/// text. Only its owner may read it, and it is replaced whole. Where there is a secret for it, the key is encrypted besides.
struct IdentityFile: Sendable {
    let path: String
    /// That keys are sealed by. One that is not sealed yet is read as well.
    var seal: SecretBytes?

    struct Contents {
        /// What stands above the first certificate.
        let note: Substring
        /// Leaf first.
        let chain: [Certificate]
        /// Nil where it is sealed by something else than what there is to open it with.
        let key: PrivateKey?
        let isSealed: Bool
    }

    // MARK: Reading

    func read() throws(NodeStateError) -> Contents {
        let secret = try readSecret()
        do throws(OpenSSLError) {
            let (text, key) = try Self.split(secret)
            let chain = try Certificate.parsePEMChain(text)
            guard !chain.isEmpty else { throw OpenSSLError(operation: "reading certificates", reasons: ["none"]) }
            return Contents(note: Self.note(in: text), chain: chain, key: try open(key), isSealed: key.isSealed)
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

    private struct KeyBlock {
        let pem: SecretBytes
        let isSealed: Bool
    }

    private func open(_ block: KeyBlock) throws(OpenSSLError) -> PrivateKey? {
        guard block.isSealed else { return try PrivateKey(pem: block.pem) }
        guard let seal else { return nil }
        do throws(OpenSSLError) { return try PrivateKey(sealedPEM: block.pem, by: seal) } catch {
            // Damage is another matter.
            guard error.operation == PrivateKey.unsealing else { throw error }
            return nil
        }
    }

    /// What stands above the key as text, and the key, which stays in memory that is wiped.
    private static func split(_ contents: SecretBytes) throws(OpenSSLError) -> (text: String, key: KeyBlock) {
        try unsafe contents.withUnsafeBytes { (bytes) throws(OpenSSLError) in
            let (plain, sealed) = unsafe (place(of: keyMarker, in: bytes), place(of: sealedKeyMarker, in: bytes))
            guard let start = plain ?? sealed else {
                throw OpenSSLError(operation: "reading the key", reasons: ["there is none"])
            }
            let key = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
            return (
                unsafe String(decoding: bytes[..<start], as: UTF8.self),
                unsafe KeyBlock(
                    pem: SecretBytes(count: key.count) { unsafe $0.copyMemory(from: key) }, isSealed: plain == nil)
            )
        }
    }

    private static func place(of marker: String, in bytes: UnsafeRawBufferPointer) -> Int? {
        let marker = Array(marker.utf8)
        let starts = 0..<max(bytes.count - marker.count + 1, 0)
        return starts.first { unsafe bytes[$0..<$0 + marker.count].elementsEqual(marker) }
    }

    private static func note(in text: String) -> Substring {
        text.firstRange(of: certificateMarker).map { text[..<$0.lowerBound] } ?? text[...]
    }

    private static let certificateMarker = "-----BEGIN CERTIFICATE-----"
    private static let keyMarker = "-----BEGIN PRIVATE KEY-----"
    private static let sealedKeyMarker = "-----BEGIN ENCRYPTED PRIVATE KEY-----"

    // MARK: Writing

    /// - Parameters:
    ///   - note: whole lines without the marks of PEM.
    ///   - isLasting: whether it has to outlast a crash of the machine that follows at once.
    func write(_ svid: KeyedSVID, note: String = "", isLasting: Bool = true) throws(NodeStateError) {
        let contents: SecretBytes
        do throws(OpenSSLError) {
            contents = try encode(svid, note: note)
        } catch {
            throw .unreadable(path: path, reason: "\(error)")
        }
        do throws(SystemError) {
            try unsafe contents.withUnsafeBytes { (bytes) throws(SystemError) in
                unsafe try AtomicFile.write(bytes, to: path, mode: 0o600, isLasting: isLasting)
            }
        } catch {
            throw .file(error)
        }
    }

    private func encode(_ svid: KeyedSVID, note: String) throws(OpenSSLError) -> SecretBytes {
        var text = Array(note.utf8)
        for certificate in svid.svid.chain { text += Array(try certificate.pem.utf8) }
        let key = if let seal { try svid.key.sealedPEM(by: seal) } else { try svid.key.pkcs8PEM() }
        return unsafe SecretBytes(count: text.count + key.count) { memory in
            unsafe memory.copyBytes(from: text)
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[text.count...])
            unsafe key.withUnsafeBytes { unsafe rest.copyMemory(from: $0) }
        }
    }
}
