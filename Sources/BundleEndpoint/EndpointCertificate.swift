internal import Foundation
public import Identity
internal import LinuxBinding
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

/// Why there is nothing to show.
public struct EndpointCertificateError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String
}

/// Makes what a connection's TLS needs, once for each certificate.
final class EndpointTLS: Sendable {
    private struct Made {
        /// What it was made of: a serial number, or when the files were changed.
        let version: String
        let context: NIOSSLContext
    }

    private let certificate: EndpointCertificate
    private let failed: @Sendable (EndpointCertificateError) -> Void
    private let made: Mutex<Made>
    private let lastFailure = Mutex<EndpointCertificateError?>(nil)

    /// - Parameter failed: is told why a newer certificate is not used, once for each reason; the one before is.
    init(
        _ certificate: EndpointCertificate, failed: @escaping @Sendable (EndpointCertificateError) -> Void
    ) throws(EndpointCertificateError) {
        self.certificate = certificate
        self.failed = failed
        let first = try Self.make(certificate, replacing: nil)
        made = Mutex(first)
    }

    var context: NIOSSLContext {
        let (context, failure) = made.withLock { held -> (NIOSSLContext, EndpointCertificateError?) in
            do throws(EndpointCertificateError) {
                held = try Self.make(certificate, replacing: held)
                return (held.context, nil)
            } catch {
                return (held.context, error)
            }
        }
        let isNews = lastFailure.withLock { last in
            defer { last = failure }
            return last != failure
        }
        if let failure, isNews { failed(failure) }
        return context
    }

    private static func make(
        _ certificate: EndpointCertificate, replacing held: Made?
    ) throws(EndpointCertificateError) -> Made {
        switch certificate {
        case .svid(let current):
            let svid = current()
            let version = svid.svid.leaf.serialHex
            if let held, held.version == version { return held }
            return Made(version: version, context: try context(svid.svid.chain, svid.key))
        case .files(let certificate, let key):
            let version = try "\(version(certificate)), \(version(key))"
            if let held, held.version == version { return held }
            let (chain, key) = try read(certificate, key)
            return Made(version: version, context: try context(chain, key))
        }
    }

    /// Which file it is, and when it was changed last: links, as ACME clients leave them, are followed.
    private static func version(_ path: String) throws(EndpointCertificateError) -> String {
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: real(path))
            let changed = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            return "\(attributes[.systemFileNumber] ?? 0) \(changed) \(attributes[.size] ?? 0)"
        } catch {
            throw EndpointCertificateError(description: "\(path) cannot be read")
        }
    }

    private static func real(_ path: String) -> String { URL(filePath: path).resolvingSymlinksInPath().path }

    private static func read(
        _ certificate: String, _ key: String
    ) throws(EndpointCertificateError) -> ([Certificate], PrivateKey) {
        do {
            let text = String(decoding: try AtomicFile.read(certificate), as: UTF8.self)
            let (chain, key) = (try Certificate.parsePEMChain(text), try privateKey(key))
            guard let leaf = chain.first, key.publicKey == leaf.publicKey else {
                throw EndpointCertificateError(
                    description: "the key is not that of the first certificate in \(certificate)")
            }
            return (chain, key)
        } catch let error as EndpointCertificateError {
            throw error
        } catch {
            throw EndpointCertificateError(description: "\(error)")
        }
    }

    private static func privateKey(_ path: String) throws -> PrivateKey {
        let file = try PrivateFile(opening: real(path))
        return try PrivateKey(
            pem: try unsafe SecretBytes(count: file.byteCount) { (memory) throws(PrivateFileError) in
                unsafe try file.read(into: memory)
            })
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
            throw EndpointCertificateError(description: "\(error)")
        }
    }

    private static let suites: [NIOTLSCipher] = [
        .TLS_AES_128_GCM_SHA256, .TLS_AES_256_GCM_SHA384, .TLS_CHACHA20_POLY1305_SHA256,
        .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ]
}
