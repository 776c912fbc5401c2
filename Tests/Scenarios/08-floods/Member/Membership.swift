import AuthorityAPI
import Foundation
import Identity
import OpenSSLBinding
import SecureTransport

/// What a node's state directory holds, in the hands of whoever broke into it.
struct Membership {
    let files: URL
    let identity: KeyedSVID
    /// Leaf first, DER, of a workload that the node does host.
    let workload: [[UInt8]]
    let bundle: TrustBundle
    let directory: Directory

    init(state: URL, trustDomain: TrustDomain) throws {
        let files = state.appending(path: "node")
        let bytes = try Array(Data(contentsOf: files.appending(path: "bundle.pb")))
        guard let bundle = try Podshield_Authority_V1_Bundle(encoded: bytes).parsed(in: trustDomain) else {
            throw MemberError.nothingOfUse("bundle.pb")
        }
        let verifier = SVIDVerifier(bundle: bundle)
        let now = Int64(Date().timeIntervalSince1970)
        let edition = try Array(Data(contentsOf: files.appending(path: "directory.pb")))
        let (chain, key) = try Self.read(files.appending(path: "node.pem"))
        let pods = files.appending(path: "workloads")
        let names = try FileManager.default.contentsOfDirectory(atPath: pods.path).sorted()
        guard let pod = names.first(where: { $0.hasSuffix(".pem") }) else {
            throw MemberError.nothingOfUse("workloads")
        }
        self.files = files
        self.bundle = bundle
        identity = try KeyedSVID(svid: verifier.verify(chain: chain, at: now), key: key)
        workload = try Self.read(pods.appending(path: pod)).chain.map(\.der)
        directory = try Podshield_Authority_V1_SignedDirectory(encoded: edition).verified(by: verifier, at: now)
            .directory
    }

    private static func read(_ file: URL) throws -> (chain: [Certificate], key: PrivateKey) {
        let text = try String(contentsOf: file, encoding: .utf8)
        guard let key = text.range(of: "-----BEGIN PRIVATE KEY-----") else {
            throw MemberError.nothingOfUse(file.lastPathComponent)
        }
        return (
            try Certificate.parsePEMChain(String(text[..<key.lowerBound])),
            try PrivateKey(pem: SecretBytes(Array(text[key.lowerBound...].utf8)))
        )
    }

    var transport: TransportIdentity {
        TransportIdentity(
            current: { [identity] in identity }, bundle: { [bundle] in bundle },
            now: { Int64(Date().timeIntervalSince1970) })
    }
}

enum MemberError: Error {
    case nothingOfUse(String)
    case noSuchNode(String)
    case notConnected(String)
    case tooMuchWasTaken
}
