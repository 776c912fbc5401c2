import FoundationEssentials
import LinuxBinding

/// An SVID as programs read it: chain, key and bundle in files of one directory, exchanged all at once.
struct SVIDFiles {
    /// What they are called.
    struct Names {
        let chain: String
        let key: String
        let bundle: String

        static let own = Names(chain: "svid.pem", key: "svid.key", bundle: "bundle.pem")
        /// By SPIRE's `x509 mint`.
        static let minted = Names(chain: "svid.pem", key: "key.pem", bundle: "bundle.pem")

        /// By SPIRE's `api fetch x509`, which writes several.
        static func fetched(_ number: Int) -> Names {
            Names(chain: "svid.\(number).pem", key: "svid.\(number).key", bundle: "bundle.\(number).pem")
        }
    }

    /// PEM, leaf first, without the root.
    let chain: [String]
    /// PEM, the roots of the trust domain.
    let bundle: [String]
    /// PKCS #8, DER.
    let key: Data

    func write(to directory: String, as names: Names = .own) throws {
        try FileSet(directory: directory).replace(with: members(names))
    }

    func members(_ names: Names) throws -> [FileSet.Member] {
        guard !key.isEmpty else {
            throw CommandFailure(.failure, "podshield-idd has not given out the private key")
        }
        return [
            .certificates(chain, names.chain),
            FileSet.Member(names.key, Array(PEM.encode(key, "PRIVATE KEY").utf8), mode: 0o600),
            .certificates(bundle, names.bundle),
        ]
    }
}

extension FileSet.Member {
    /// - Parameter certificates: PEM.
    static func certificates(_ certificates: [String], _ name: String) -> FileSet.Member {
        FileSet.Member(name, Array(certificates.joined().utf8), mode: 0o644)
    }
}
