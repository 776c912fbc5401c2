import FoundationEssentials
import LinuxBinding

/// An SVID as programs read it: `svid.pem`, `svid.key` and `bundle.pem` in one directory, exchanged all at once.
struct SVIDFiles {
    /// PEM, leaf first, without the root.
    let chain: [String]
    /// PEM, the roots of the trust domain.
    let bundle: [String]
    /// PKCS #8, DER.
    let key: Data

    func write(to directory: String) throws {
        guard !key.isEmpty else {
            throw CommandFailure(.failure, "podshield-idd has not given out the private key")
        }
        try FileSet(directory: directory).replace(with: [
            FileSet.Member("svid.pem", Array(chain.joined().utf8), mode: 0o644),
            FileSet.Member("svid.key", Array(PEM.encode(key, "PRIVATE KEY").utf8), mode: 0o600),
            FileSet.Member("bundle.pem", Array(bundle.joined().utf8), mode: 0o644),
        ])
    }
}
