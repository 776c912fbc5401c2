internal import Foundation
public import Identity
internal import LinuxBinding
internal import NIOPosix
internal import NIOSSL
internal import OpenSSLBinding
internal import Synchronization

/// By what the endpoint shows that it is the trust domain's (SPIFFE_Federation.md section 5.2).
public enum EndpointCertificate: Sendable {
    /// `https_spiffe`: an X.509-SVID, read anew for each connection.
    case svid(@Sendable () -> KeyedSVID)
    /// `https_web`: PEM files of a chain, leaf first, and its key, which is for its owner alone. Read again when they have changed.
    case files(certificate: String, key: String)
}

/// What is wrong with what is shown.
public struct EndpointCertificateError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum File: Sendable, Equatable { case certificate, key }

    /// Nil where none is to blame.
    public let file: File?
    public let description: String
}

/// Makes what a connection's TLS needs, once for each certificate.
final class EndpointTLS: Sendable {
    fileprivate struct Made {
        /// What it was made of: a serial number, or when the files were changed.
        let version: String
        let validity: ClosedRange<Int64>
        let context: NIOSSLContext
    }

    private let certificate: EndpointCertificate
    private let now: @Sendable () -> Int64
    private let failed: @Sendable (EndpointCertificateError) -> Void
    private let made: Mutex<Made>
    private let lastLook = Mutex(ContinuousClock.now)
    private let lastFailure = Mutex<EndpointCertificateError?>(nil)

    /// Files are looked at so often at most.
    private static let pause = Duration.seconds(1)

    /// - Parameters:
    ///   - now: seconds since 1970.
    ///   - failed: is told why a newer certificate is not used, or that the one that is ends, once for each reason.
    init(
        _ certificate: EndpointCertificate, now: @escaping @Sendable () -> Int64,
        failed: @escaping @Sendable (EndpointCertificateError) -> Void
    ) throws(EndpointCertificateError) {
        self.certificate = certificate
        self.now = now
        self.failed = failed
        made = Mutex(try Self.make(certificate, replacing: nil))
        look()
    }

    /// Whether files have changed is seen beside, for connections to come: an event loop waits for no disk.
    var context: NIOSSLContext {
        switch certificate {
        case .svid: look()
        case .files: if isLookDue { NIOThreadPool.singleton.submit { [weak self] _ in self?.look() } }
        }
        return made.withLock { $0.context }
    }

    private var isLookDue: Bool {
        lastLook.withLock { last in
            guard last.duration(to: .now) >= Self.pause else { return false }
            last = .now
            return true
        }
    }

    private func look() {
        var failure: EndpointCertificateError?
        let held = made.withLock { $0 }
        do throws(EndpointCertificateError) {
            let newest = try Self.make(certificate, replacing: held)
            made.withLock { $0 = newest }
            failure = ending(newest.validity)
        } catch {
            failure = error
        }
        let isNews = lastFailure.withLock { last in
            defer { last = failure }
            return last != failure
        }
        if let failure, isNews { failed(failure) }
    }

    /// What is renewed by others is so well before its last quarter, and its last week.
    private func ending(_ validity: ClosedRange<Int64>) -> EndpointCertificateError? {
        let rest = min((validity.upperBound - validity.lowerBound) / 4, 7 * 86400)
        let end = Date(timeIntervalSince1970: TimeInterval(validity.upperBound)).formatted(.iso8601)
        switch now() {
        case ..<validity.lowerBound:
            return EndpointCertificateError(file: .certificate, description: "the certificate is not valid yet")
        case ..<(validity.upperBound - rest): return nil
        case ...validity.upperBound:
            return EndpointCertificateError(
                file: .certificate, description: "the certificate ends at \(end), and nobody renews it")
        default:
            return EndpointCertificateError(file: .certificate, description: "the certificate ended at \(end)")
        }
    }

    private static func make(
        _ certificate: EndpointCertificate, replacing held: Made?
    ) throws(EndpointCertificateError) -> Made {
        switch certificate {
        case .svid(let current):
            let svid = current()
            let version = svid.svid.leaf.serialHex
            if let held, held.version == version { return held }
            return try Made(version: version, svid.svid.chain, svid.key)
        case .files(let certificate, let key):
            let version = try "\(version(certificate, .certificate)), \(version(key, .key))"
            if let held, held.version == version { return held }
            let (chain, key) = try read(certificate, key)
            return try Made(version: version, chain, key)
        }
    }

    /// Which file it is, and when it was changed last: links, as ACME clients leave them, are followed.
    private static func version(
        _ path: String, _ file: EndpointCertificateError.File
    ) throws(EndpointCertificateError) -> String {
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: real(path))
            let changed = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            return "\(attributes[.systemFileNumber] ?? 0) \(changed) \(attributes[.size] ?? 0)"
        } catch {
            throw EndpointCertificateError(file: file, description: "\(path) cannot be read")
        }
    }

    private static func real(_ path: String) -> String { URL(filePath: path).resolvingSymlinksInPath().path }

    private static func read(
        _ certificate: String, _ key: String
    ) throws(EndpointCertificateError) -> ([Certificate], PrivateKey) {
        let chain = try reading(certificate, .certificate) {
            try Certificate.parsePEMChain(String(decoding: try AtomicFile.read(certificate), as: UTF8.self))
        }
        let secret = try reading(key, .key) { try privateKey(key) }
        guard let leaf = chain.first, secret.publicKey == leaf.publicKey else {
            throw EndpointCertificateError(
                file: .key, description: "\(key) is not the key of the first certificate in \(certificate)")
        }
        return (chain, secret)
    }

    private static func reading<Value>(
        _ path: String, _ file: EndpointCertificateError.File, _ body: () throws -> Value
    ) throws(EndpointCertificateError) -> Value {
        do { return try body() } catch let error as PrivateFileError {
            throw EndpointCertificateError(file: file, description: "\(error)")
        } catch {
            throw EndpointCertificateError(file: file, description: "\(path) cannot be used: \(error)")
        }
    }

    private static func privateKey(_ path: String) throws -> PrivateKey {
        let file = try PrivateFile(opening: real(path))
        return try PrivateKey(
            pem: try unsafe SecretBytes(count: file.byteCount) { (memory) throws(PrivateFileError) in
                unsafe try file.read(into: memory)
            })
    }
}

extension EndpointTLS.Made {
    fileprivate init(version: String, _ chain: [Certificate], _ key: PrivateKey) throws(EndpointCertificateError) {
        let validity = chain[0].notBefore...max(chain[0].notBefore, chain[0].notAfter)
        self.init(version: version, validity: validity, context: try Self.context(chain, key))
    }

    /// Mozilla's intermediate profile: TLS 1.2 with forward secrecy and AEAD alone, and TLS 1.3. Nobody is asked for a certificate.
    private static func context(
        _ chain: [Certificate], _ key: PrivateKey
    ) throws(EndpointCertificateError) -> NIOSSLContext {
        do {
            let certificates = try chain.map {
                NIOSSLCertificateSource.certificate(try NIOSSLCertificate(bytes: $0.der, format: .der))
            }
            var bytes = try unsafe key.pkcs8DER().withUnsafeBytes { unsafe Array($0) }
            defer { bytes.wipe() }
            let key = try NIOSSLPrivateKey(bytes: bytes, format: .der)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: certificates, privateKey: .privateKey(key))
            configuration.minimumTLSVersion = .tlsv12
            configuration.cipherSuiteValues = suites
            configuration.applicationProtocols = ["http/1.1"]
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw EndpointCertificateError(file: nil, description: "\(error)")
        }
    }

    private static let suites: [NIOTLSCipher] = [
        .TLS_AES_128_GCM_SHA256, .TLS_AES_256_GCM_SHA384, .TLS_CHACHA20_POLY1305_SHA256,
        .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ]
}
