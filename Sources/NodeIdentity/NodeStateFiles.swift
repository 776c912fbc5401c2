internal import AuthorityAPI
internal import Foundation
internal import Identity
internal import LinuxBinding
internal import OpenSSLBinding

/// The node's state directory. Every file is replaced whole; `node.pem` holds chain and key together, because the one is
/// worth nothing without the other, and is written last when joining.
struct NodeStateFiles: Sendable {
    let directory: String
    let trustDomain: TrustDomain

    private var identity: String { directory + "/node.pem" }
    private var membership: String { directory + "/node.json" }
    private var bundle: String { directory + "/bundle.pb" }
    private var editions: String { directory + "/directory.pb" }

    struct Loaded: Sendable {
        let membership: NodeMembership
        let bundle: TrustBundle
        /// Nil when it has expired, since `expiredAt`.
        let svid: KeyedSVID?
        let expiredAt: Int64?
        let directory: Directory?
    }

    func prepare() throws(NodeStateError) {
        do throws(PrivateFileError) {
            try PrivateDirectory.prepare(directory)
        } catch {
            throw .directory(error)
        }
    }

    // MARK: Reading

    /// What an earlier run left, nil when the node has not joined.
    func load(now: Int64) throws(NodeStateError) -> Loaded? {
        guard FileManager.default.fileExists(atPath: identity) else { return nil }
        let membership = try parse(membership) { try? JSONDecoder().decode(NodeMembership.self, from: $0) }
        let bundle = try parse(bundle) {
            try? Podshield_Authority_V1_Bundle(encoded: Array($0)).parsed(in: trustDomain)
        }
        let (chain, key) = try loadIdentity()
        let svid = try verify(chain, key, bundle, now: now)
        return Loaded(
            membership: membership, bundle: bundle, svid: svid, expiredAt: svid == nil ? chain[0].notAfter : nil,
            directory: try loadDirectory(bundle))
    }

    private func parse<Value>(_ path: String, _ body: (Data) -> Value?) throws(NodeStateError) -> Value {
        guard let value = body(Data(try read(path, limit: 1 << 20))) else {
            throw .unreadable(path: path, reason: "it is not what was written")
        }
        return value
    }

    private func read(_ path: String, limit: Int) throws(NodeStateError) -> [UInt8] {
        do throws(SystemError) {
            return try AtomicFile.read(path, limit: limit)
        } catch {
            throw .file(error)
        }
    }

    private func loadIdentity() throws(NodeStateError) -> (chain: [Certificate], key: PrivateKey) {
        let contents: SecretBytes
        do throws(PrivateFileError) {
            let file = try PrivateFile(opening: identity)
            contents = try unsafe SecretBytes(count: file.byteCount) { (memory) throws(PrivateFileError) in
                unsafe try file.read(into: memory)
            }
        } catch {
            throw .keyFile(error)
        }
        do throws(OpenSSLError) {
            let (certificates, key) = try split(contents)
            let chain = try Certificate.parsePEMChain(certificates)
            guard !chain.isEmpty else { throw OpenSSLError(operation: "reading certificates", reasons: ["none"]) }
            return (chain, try PrivateKey(pem: key))
        } catch {
            throw .unreadable(path: identity, reason: "\(error)")
        }
    }

    /// The certificates as text and the key, which stays in memory that is wiped.
    private func split(_ contents: SecretBytes) throws(OpenSSLError) -> (certificates: String, key: SecretBytes) {
        let marker = Array(Self.keyMarker.utf8)
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

    private static let keyMarker = "-----BEGIN PRIVATE KEY-----"

    private func verify(
        _ chain: [Certificate], _ key: PrivateKey, _ bundle: TrustBundle, now: Int64
    ) throws(NodeStateError) -> KeyedSVID? {
        do throws(SVIDRejection) {
            let svid = try SVIDVerifier(bundle: bundle).verify(chain: chain, at: now)
            return try KeyedSVID(svid: svid, key: key)
        } catch .expired {
            return nil
        } catch {
            throw .unreadable(path: identity, reason: "\(error)")
        }
    }

    /// A directory that an earlier run accepted. Its signer has had time to expire since: what is judged again is that the
    /// signature holds, as of the signer's own first moment.
    private func loadDirectory(_ bundle: TrustBundle) throws(NodeStateError) -> Directory? {
        guard FileManager.default.fileExists(atPath: editions) else { return nil }
        let bytes = try read(editions, limit: AuthorityWire.largestResponse)
        do {
            let message = try Podshield_Authority_V1_SignedDirectory(encoded: bytes)
            let signer = try message.chain.first.map { try Certificate(der: Array($0)) }
            return try message.verified(by: SVIDVerifier(bundle: bundle), at: signer?.notBefore ?? 0).directory
        } catch {
            throw .unreadable(path: editions, reason: "\(error)")
        }
    }

    // MARK: Writing

    /// A new membership may be of another authority, whose revisions begin anew.
    func forgetDirectory() throws(NodeStateError) {
        do {
            if FileManager.default.fileExists(atPath: editions) { try FileManager.default.removeItem(atPath: editions) }
        } catch {
            throw .unreadable(path: editions, reason: "\(error)")
        }
    }

    func save(_ membership: NodeMembership) throws(NodeStateError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try write(self.membership) { Array(try encoder.encode(membership)) }
    }

    func save(_ bundle: TrustBundle) throws(NodeStateError) {
        try write(self.bundle) { try Podshield_Authority_V1_Bundle(bundle).encoded() }
    }

    func save(_ directory: Podshield_Authority_V1_SignedDirectory) throws(NodeStateError) {
        try write(editions) { try directory.encoded() }
    }

    func save(_ svid: KeyedSVID) throws(NodeStateError) {
        let contents: SecretBytes
        do throws(OpenSSLError) {
            contents = try Self.text(of: svid)
        } catch {
            throw .unreadable(path: identity, reason: "\(error)")
        }
        do throws(SystemError) {
            try unsafe contents.withUnsafeBytes { (bytes) throws(SystemError) in
                unsafe try AtomicFile.write(bytes, to: identity, mode: 0o600)
            }
        } catch {
            throw .file(error)
        }
    }

    private static func text(of svid: KeyedSVID) throws(OpenSSLError) -> SecretBytes {
        var certificates: [UInt8] = []
        for certificate in svid.svid.chain { certificates += Array(try certificate.pem.utf8) }
        let key = try svid.key.pkcs8PEM()
        return unsafe SecretBytes(count: certificates.count + key.count) { memory in
            unsafe memory.copyBytes(from: certificates)
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[certificates.count...])
            unsafe key.withUnsafeBytes { unsafe rest.copyMemory(from: $0) }
        }
    }

    private func write(_ path: String, _ encode: () throws -> [UInt8]) throws(NodeStateError) {
        do {
            try AtomicFile.write(encode(), to: path, mode: 0o600)
        } catch let error as SystemError {
            throw .file(error)
        } catch {
            throw .unreadable(path: path, reason: "\(error)")
        }
    }
}
