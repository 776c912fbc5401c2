import Identity
import OpenSSLBinding

/// Certificates to order, with any fault in them.
struct Forgery {
    static let now: Int64 = 1_800_000_000
    let domain: TrustDomain
    let key: PrivateKey
    let root: Certificate
    let leafKey: PrivateKey

    init(domain: String = "td", root change: (inout Certificate.Parts) -> Void = { _ in }) throws {
        self.domain = try TrustDomain(domain)
        key = try PrivateKey.generate()
        leafKey = try PrivateKey.generate()
        var parts = Certificate.Parts.root(domain, key.publicKey)
        change(&parts)
        root = try parts.contents.signed(by: key, issuer: nil)
    }

    var bundle: TrustBundle {
        get throws { try TrustBundle(trustDomain: domain, authorities: [root], sequence: 1) }
    }

    func leaf(_ change: (inout Certificate.Parts) -> Void = { _ in }) throws -> Certificate {
        var parts = Certificate.Parts.leaf("spiffe://\(domain)/ns/shop/sa/web", leafKey.publicKey, key.publicKey)
        change(&parts)
        return try parts.contents.signed(by: key, issuer: root)
    }

    /// An authority below the root, and a way to issue under it.
    func intermediate(
        _ name: String = "middle", under issuer: (Certificate, PrivateKey)? = nil,
        change: (inout Certificate.Parts) -> Void = { _ in }
    ) throws -> (Certificate, PrivateKey) {
        let own = try PrivateKey.generate()
        let (issuerCertificate, issuerKey) = issuer ?? (root, key)
        var parts = Certificate.Parts.root("\(domain)", own.publicKey)
        parts.commonName = name
        parts.authorityKey = issuerKey.publicKey
        change(&parts)
        return (try parts.contents.signed(by: issuerKey, issuer: issuerCertificate), own)
    }

    func leaf(
        under issuer: (Certificate, PrivateKey), _ change: (inout Certificate.Parts) -> Void = { _ in }
    ) throws -> Certificate {
        var parts = Certificate.Parts.leaf("spiffe://\(domain)/ns/shop/sa/web", leafKey.publicKey, issuer.1.publicKey)
        change(&parts)
        return try parts.contents.signed(by: issuer.1, issuer: issuer.0)
    }

    func verify(_ chain: [Certificate], at time: Int64 = now) throws -> X509SVID {
        try SVIDVerifier(bundle: bundle).verify(chain: chain, at: time)
    }
}

extension Certificate {
    /// A certificate's parts in the order they are encoded; nil leaves an extension out.
    struct Parts {
        var commonName: String?
        var notBefore = Forgery.now - 3600
        var notAfter = Forgery.now + 3600
        var key: PublicKey
        var authorityKey: PublicKey
        var uris: [[UInt8]]
        var otherNames: [[UInt8]] = []
        var namesAreCritical = true
        var constraints: [UInt8]? = DER.sequence()
        var usage: [UInt8]? = KeyUsage([.digitalSignature]).derEncoded
        var usageIsCritical = true
        var purposes: [[UInt8]]? = [ExtensionID.serverAuthentication, ExtensionID.clientAuthentication]
        var extra: [CertificateExtension] = []

        static func leaf(_ id: String, _ key: PublicKey, _ authority: PublicKey) -> Parts {
            Parts(key: key, authorityKey: authority, uris: [Array(id.utf8)])
        }

        static func root(_ domain: String, _ key: PublicKey) -> Parts {
            var parts = Parts(key: key, authorityKey: key, uris: [Array("spiffe://\(domain)".utf8)])
            parts.commonName = "root of \(domain)"
            parts.namesAreCritical = false
            parts.constraints = DER.sequence(DER.true)
            parts.usage = KeyUsage([.keyCertSign, .cRLSign]).derEncoded
            parts.purposes = nil
            return parts
        }

        var contents: CertificateContents {
            CertificateContents(
                serial: [1] + commonNameBytes, subjectCommonName: commonName, notBefore: notBefore,
                notAfter: notAfter, publicKey: key, extensions: extensions)
        }

        private var commonNameBytes: [UInt8] { Array((commonName ?? "").utf8.prefix(8)) }

        private var extensions: [CertificateExtension] {
            var all = [
                make(ExtensionID.subjectKeyIdentifier, false, DER.element(.octetString, identifier(key))),
                make(
                    ExtensionID.authorityKeyIdentifier, false,
                    DER.sequence(DER.element(.context0, identifier(authorityKey)))),
            ]
            if let constraints { all.append(make(ExtensionID.basicConstraints, true, constraints)) }
            if let usage { all.append(make(ExtensionID.keyUsage, usageIsCritical, usage)) }
            if let purposes {
                let list = DER.sequence(of: purposes.map { DER.element(.objectIdentifier, $0) })
                all.append(make(ExtensionID.extendedKeyUsage, false, list))
            }
            let names = uris.map { DER.element(.context6, $0) } + otherNames
            if !names.isEmpty {
                all.append(make(ExtensionID.subjectAlternativeName, namesAreCritical, DER.sequence(of: names)))
            }
            return all + extra
        }

        private func make(_ oid: String, _ critical: Bool, _ value: [UInt8]) -> CertificateExtension {
            CertificateExtension(oid: oid, isCritical: critical, value: value)
        }

        private func identifier(_ key: PublicKey) -> [UInt8] {
            Array(SHA256Digest.hash(key.subjectPublicKeyInfo).prefix(20))
        }
    }
}
