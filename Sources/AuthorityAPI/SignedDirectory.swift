import Foundation
public import Identity
import OpenSSLBinding
import SwiftProtobuf

/// Why a signed directory was not accepted.
public enum DirectoryRejection: Error, Sendable, Equatable {
    case signer(SVIDRejection)
    /// Only an authority's server signs directories.
    case notAnAuthority(SPIFFEID)
    case badSignature
    /// Bytes.
    case tooLarge(Int)
    /// Signed, and yet nonsense.
    case malformed
    /// Older than what is held.
    case rolledBack(from: UInt64, to: UInt64)
}

extension DirectoryRejection: CustomStringConvertible {
    public var description: String {
        switch self {
        case .signer(let reason): "the directory's signer: \(reason)"
        case .notAnAuthority(let id): "the directory is signed by \(id), which is no authority"
        case .badSignature: "the directory's signature does not hold"
        case .tooLarge(let bytes):
            "the directory has \(bytes) bytes, \(AuthorityWire.largestDirectory) are the most"
        case .malformed: "the directory cannot be read"
        case .rolledBack(let from, let to): "the directory goes back from revision \(from) to \(to)"
        }
    }
}

extension Podshield_Authority_V1_SignedDirectory {
    /// A directory and the bundles of its moment, signed by an authority's server.
    public static func sign(
        _ edition: DirectoryEdition, with signer: KeyedSVID
    ) throws -> Podshield_Authority_V1_SignedDirectory {
        let bytes: [UInt8] = try Podshield_Authority_V1_Directory(edition).serializedBytes()
        guard bytes.count <= AuthorityWire.largestDirectory else { throw DirectoryRejection.tooLarge(bytes.count) }
        var signed = Podshield_Authority_V1_SignedDirectory()
        signed.directory = Data(bytes)
        signed.chain = signer.svid.chain.map { Data($0.der) }
        signed.signature = Data(try signer.key.sign(signedBytes(bytes)))
        return signed
    }

    /// What it says, once it is known who says it. `unixTime` is the time the signer's certificate is judged at.
    public func verified(
        by verifier: SVIDVerifier, at unixTime: Int64
    ) throws(DirectoryRejection) -> DirectoryEdition {
        guard directory.count <= AuthorityWire.largestDirectory else { throw .tooLarge(directory.count) }
        let signer: X509SVID
        do throws(SVIDRejection) {
            signer = try verifier.verify(chainDER: chain.map(Array.init), at: unixTime)
        } catch {
            throw .signer(error)
        }
        guard case .authority = signer.id.kind else { throw .notAnAuthority(signer.id) }
        guard signer.leaf.publicKey.verify(Array(signature), of: Self.signedBytes(Array(directory))) else {
            throw .badSignature
        }
        guard let message = try? Podshield_Authority_V1_Directory(serializedBytes: directory),
            let contents = message.parsed(in: verifier.bundle.trustDomain)
        else { throw .malformed }
        return contents
    }

    /// The prefix keeps a signature made here from meaning anything elsewhere.
    private static func signedBytes(_ directory: [UInt8]) -> [UInt8] {
        Array("podshield-directory-v1\0".utf8) + directory
    }
}
