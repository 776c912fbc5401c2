internal import Identity
internal import LinuxBinding
public import OpenSSLBinding

/// Who certifies endorsement keys.
public struct TPMIssuers: Sendable {
    /// At one of which every path ends.
    let roots: [Certificate]
    /// Authorities below them, which TPMs do not have with them.
    let below: [Certificate]

    var all: [Certificate] { roots + below }

    public init(_ certificates: [Certificate]) throws(TPMIssuersError) {
        roots = certificates.filter { $0.subject == $0.issuer }
        below = certificates.filter { $0.subject != $0.issuer }
        // Of an authority without its root nothing could be believed, and no node would be let in.
        guard !roots.isEmpty else { throw .noRoot }
    }

    /// Of a file with PEM that nobody may change but root and this process's user.
    public init(contentsOf file: String) throws(TPMIssuersError) {
        let text: [UInt8]
        do throws(PrivateFileError) { text = try GuardedFile.read(file) } catch { throw .unreadable("\(error)") }
        let certificates: [Certificate]
        do throws(OpenSSLError) {
            certificates = try Certificate.parsePEMChain(String(decoding: text, as: UTF8.self))
        } catch {
            throw .unreadable("\(file): \(error)")
        }
        try self.init(certificates)
    }
}

extension TPMIssuers {
    /// Of the node whose TPM has `key`, as its certificate says.
    func name(of key: PublicKey, in der: [UInt8], now: Int64) throws(TPMRejection) -> String {
        let leaf: Certificate
        do throws(OpenSSLError) { leaf = try Certificate(der: der) } catch { throw .unreadable("\(error)") }
        guard leaf.publicKey == key else { throw .otherKey }
        guard leaf.version == 3 else { throw .unreadable("it is not of version 3") }
        _ = try TPMRejection.path(from: leaf, by: below, to: roots, at: now)
        let profile: CertificateProfile
        do throws(SVIDRejection) { profile = try CertificateProfile(leaf) } catch { throw .unreadable("\(error)") }
        guard !profile.isAuthority, profile.keyUsage?.contains(.keyEncipherment) == true,
            profile.extendedKeyUsages?.contains(Self.endorsementUsage) == true
        else { throw .notForEndorsement }
        guard let name = leaf.commonName else { throw .noName }
        guard AuthorityCore.isNodeName(name) else { throw .badName(name) }
        return name
    }

    /// tcg-kp-EKCertificate, 2.23.133.8.1, as DER content.
    private static let endorsementUsage: [UInt8] = [0x67, 0x81, 0x05, 0x08, 0x01]
}

/// Why certificates are not those of issuers.
public enum TPMIssuersError: Error, Sendable, Equatable {
    case unreadable(String)
    case noRoot
}

extension TPMIssuersError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreadable(let reason): reason
        case .noRoot: "none of its certificates is a root, which is its own issuer"
        }
    }
}
