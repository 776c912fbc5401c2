internal import Foundation
internal import Identity
internal import Issuance
internal import LinuxBinding
internal import OpenSSLBinding

/// The state directory: the certificate of the CA that signs, the CAs' keys, the registry, and the keys for JWT-SVIDs.
struct AuthorityFiles {
    let directory: String
    var keyStore = KeyStore.ownFile
    var upstream: Upstream?
    /// None of which may be above a CA.
    var issuersOfMachines: [Certificate] = []
    /// Of CAs that are made.
    var lifetime = CertificateAuthority.defaultLifetime
    /// Of them: how many others may be below one another below each.
    var pathLength: UInt32 = 0

    var certificate: String { directory + "/ca.pem" }
    /// Of the first CA.
    var key: String { directory + "/ca.key" }
    var registry: String { directory + "/authority.sqlite" }
    var jwtKeys: JWTKeyFiles { JWTKeyFiles(directory: directory) }

    /// Loads the CA, or makes one in a directory that never had any. `now` in seconds since 1970.
    func certificateAuthority(for trustDomain: TrustDomain, now: Int64) throws(AuthorityError) -> CertificateAuthority {
        do throws(PrivateFileError) {
            try PrivateDirectory.prepare(directory)
        } catch {
            throw .directory(error)
        }
        do throws(SystemError) {
            try AtomicFile.removeLeftovers(in: directory)
        } catch {
            throw .stateFile(error)
        }
        switch keyStore {
        case .ownFile: return try loadOrCreate(trustDomain, now: now)
        case .file(let path):
            try checkThatKeyIsElsewhere()
            return try load(trustDomain, key: try PrivateKey(file: path))
        case .elsewhere(let store):
            try checkThatKeyIsElsewhere()
            return try loadOrCreate(trustDomain, keyIn: store, now: now)
        }
    }

    private func loadOrCreate(_ trustDomain: TrustDomain, now: Int64) throws(AuthorityError) -> CertificateAuthority {
        let key = keyPath
        switch (exists(certificate), exists(key)) {
        case (true, true): return try load(trustDomain, key: try PrivateKey(file: key))
        case (false, false) where !exists(registry): return try create(trustDomain, now: now)
        // The certificate is written first and the registry last: a first start that was interrupted here.
        case (true, false) where !exists(registry): return try create(trustDomain, now: now)
        case (true, false): throw .missing(path: key, while: certificate)
        case (false, true): throw .missing(path: certificate, while: key)
        case (false, false): throw .missing(path: key, while: registry)
        }
    }

    /// Looks at what an earlier run left, as the next will, and changes nothing. A directory that is not there yet is well.
    ///
    /// - Parameter keyIsKept: by somebody else, and not to be had here.
    func inspect(for trustDomain: TrustDomain, keyIsKept: Bool) throws(AuthorityError) {
        guard exists(directory) else { return }
        do throws(PrivateFileError) { try PrivateDirectory.check(directory) } catch { throw .directory(error) }
        let key = keyPath
        switch (exists(certificate), exists(key)) {
        case (_, true) where keyIsKept: throw .keyInTwoPlaces(path: key)
        case (true, false) where keyIsKept: _ = try loadChain()
        case (false, false) where keyIsKept && exists(registry): throw .missing(path: certificate, while: registry)
        case (true, true): _ = try load(trustDomain, key: try PrivateKey(file: key))
        case (true, false) where exists(registry): throw .missing(path: key, while: certificate)
        case (false, true): throw .missing(path: certificate, while: key)
        case (false, false) where exists(registry): throw .missing(path: key, while: registry)
        default: return
        }
        guard exists(registry) else { return }
        do throws(RegistryError) { try Registry.inspect(registry) } catch { throw .registry(error) }
    }

    /// Of the CA in `ca.pem`; where the first one's is or will be when there is none that can be read.
    private var keyPath: String { (try? loadChain()).map { keyPath(of: $0[0]) } ?? key }

    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    private func create(_ trustDomain: TrustDomain, now: Int64) throws(AuthorityError) -> CertificateAuthority {
        let key: PrivateKey
        do throws(OpenSSLError) { key = try .generate() } catch { throw .issuance(.openSSL(error)) }
        let authority = try create(trustDomain, key: key, now: now)
        try key.write(to: self.key)
        return authority
    }

    private func create(
        _ trustDomain: TrustDomain, key: any SigningKey, now: Int64
    ) throws(AuthorityError) -> CertificateAuthority {
        let authority = try certify(trustDomain, key: key, now: now)
        try publish(authority)
        return authority
    }

    /// Says which CA signs. Its certificate comes first, then those above it.
    func publish(_ authority: CertificateAuthority) throws(AuthorityError) {
        var pem = ""
        do throws(OpenSSLError) {
            for certificate in authority.chain { pem += try certificate.pem }
        } catch {
            throw .issuance(.openSSL(error))
        }
        do throws(SystemError) {
            try AtomicFile.write(Array(pem.utf8), to: certificate, mode: 0o644)
        } catch {
            throw .stateFile(error)
        }
    }

    private func checkThatKeyIsElsewhere() throws(AuthorityError) {
        for path in [key] + (try successorKeys()) where exists(path) { throw .keyInTwoPlaces(path: path) }
    }

    /// A root that was made once is never made anew: its key has to be there.
    private func loadOrCreate(
        _ trustDomain: TrustDomain, keyIn store: any SigningKeyStore, now: Int64
    ) throws(AuthorityError) -> CertificateAuthority {
        guard exists(certificate) || !exists(registry) else { throw .missing(path: certificate, while: registry) }
        let certificate = exists(certificate) ? try loadChain()[0] : nil
        let key: any SigningKey
        do throws(SigningError) {
            key = try store.open(expecting: certificate?.publicKey)
        } catch {
            throw .keyStore("\(store)", error)
        }
        guard certificate != nil else { return try create(trustDomain, key: key, now: now) }
        return try load(trustDomain, key: key)
    }

    private func load(_ trustDomain: TrustDomain, key: any SigningKey) throws(AuthorityError) -> CertificateAuthority {
        try load(trustDomain, try loadChain(), key: key)
    }

    func load(
        _ trustDomain: TrustDomain, _ chain: [Certificate], key: any SigningKey
    ) throws(AuthorityError) -> CertificateAuthority {
        do throws(IssuanceError) {
            return try CertificateAuthority(
                trustDomain: trustDomain, certificate: chain[0], issuers: Array(chain.dropFirst()), key: key)
        } catch {
            throw .unreadable(path: certificate, reason: "\(error)")
        }
    }

    /// The CA's certificate, then those above it; none above a root.
    func loadChain() throws(AuthorityError) -> [Certificate] {
        let text: [UInt8]
        do throws(SystemError) {
            text = try AtomicFile.read(certificate)
        } catch {
            throw .stateFile(error)
        }
        let chain: [Certificate]
        do throws(OpenSSLError) {
            chain = try Certificate.parsePEMChain(String(decoding: text, as: UTF8.self))
        } catch {
            throw .unreadable(path: certificate, reason: "\(error)")
        }
        guard !chain.isEmpty else { throw .unreadable(path: certificate, reason: "there is no certificate in it") }
        return chain
    }
}
