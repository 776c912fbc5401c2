import Foundation
import Identity
import NodeIdentity
import OpenSSLBinding

/// Somebody who issues certificates to machines, as an operator may have had long before.
struct MachinePKI {
    let key: PrivateKey
    let root: Certificate

    init(_ name: String = "machines") throws {
        key = try PrivateKey.generate()
        let order = Order(commonName: name, isAuthority: true, usage: [.keyCertSign], purposes: nil)
        root = try order.certificate(of: key.publicKey, by: key, under: nil)
    }

    /// What a certificate is to say.
    struct Order: Sendable {
        var commonName: String?
        var dnsNames: [String] = []
        var isAuthority = false
        var usage: KeyUsage? = .digitalSignature
        var purposes: [[UInt8]]? = [ExtensionID.clientAuthentication]
        /// Seconds from now.
        var validity = -60...3600

        func certificate(
            of key: PublicKey, by issuerKey: PrivateKey, under issuer: Certificate?
        ) throws -> Certificate {
            let now = Int64(Date().timeIntervalSince1970)
            return try CertificateContents(
                serial: RandomBytes.make(16), subjectCommonName: commonName,
                notBefore: now + Int64(validity.lowerBound), notAfter: now + Int64(validity.upperBound),
                publicKey: key, extensions: extensions(of: key, under: issuerKey.publicKey)
            ).signed(by: issuerKey, issuer: issuer)
        }

        private func extensions(of key: PublicKey, under issuer: PublicKey) -> [CertificateExtension] {
            var list = [
                Self.part(
                    ExtensionID.basicConstraints, DER.sequence(of: isAuthority ? [DER.true] : []), isCritical: true),
                Self.part(
                    ExtensionID.subjectKeyIdentifier, DER.element(.octetString, Self.identifier(key))),
                Self.part(
                    ExtensionID.authorityKeyIdentifier,
                    DER.sequence(DER.element(.context0, Self.identifier(issuer)))),
            ]
            if let usage { list.append(Self.part(ExtensionID.keyUsage, usage.derEncoded, isCritical: true)) }
            if let purposes {
                let value = DER.sequence(of: purposes.map { DER.element(.objectIdentifier, $0) })
                list.append(Self.part(ExtensionID.extendedKeyUsage, value))
            }
            if !dnsNames.isEmpty {
                let value = DER.sequence(of: dnsNames.map { DER.element(.context2, Array($0.utf8)) })
                list.append(Self.part(ExtensionID.subjectAlternativeName, value, isCritical: commonName == nil))
            }
            return list
        }

        private static func part(_ oid: String, _ value: [UInt8], isCritical: Bool = false) -> CertificateExtension {
            CertificateExtension(oid: oid, isCritical: isCritical, value: value)
        }

        private static func identifier(_ key: PublicKey) -> [UInt8] {
            Array(SHA256Digest.hash(key.subjectPublicKeyInfo).prefix(20))
        }
    }

    /// A machine's certificate, and its key.
    func machine(_ order: Order, key: PrivateKey? = nil) throws -> JoinCredential {
        let own = try key ?? PrivateKey.generate()
        return .certificate(chain: [try order.certificate(of: own.publicKey, by: self.key, under: root)], key: own)
    }

    func machine(_ name: String, key: PrivateKey? = nil) throws -> JoinCredential {
        try machine(Order(commonName: name), key: key)
    }

    /// The same under an authority below the root.
    func machine(_ name: String, under change: (inout Order) -> Void) throws -> JoinCredential {
        let middle = try PrivateKey.generate()
        var order = Order(commonName: "middle", isAuthority: true, usage: [.keyCertSign], purposes: nil)
        change(&order)
        let issuer = try order.certificate(of: middle.publicKey, by: key, under: root)
        let own = try PrivateKey.generate()
        let leaf = try Order(commonName: name).certificate(of: own.publicKey, by: middle, under: issuer)
        return .certificate(chain: [leaf, issuer], key: own)
    }
}
