internal import Foundation
internal import GRPCCore
public import Identity
public import Issuance
internal import JOSE
internal import OpenSSLBinding
internal import SPIREAPI
internal import SwiftProtobuf

/// Whom the trust domain trusts, by what those above say.
extension SPIREServer {
    /// By the Workload API, which names a root before it signs.
    public func bundle() throws(UpstreamError) -> TrustBundle? {
        try Self.answer { () async throws(UpstreamError) in
            try await source.current().bundle
        }
    }

    /// By the server, over the connection that shows who it is. Nil for one that does not tell, as Podshield of before.
    public func keys() throws(UpstreamError) -> [PublishedKey]? {
        let message = Spire_Api_Server_Bundle_V1_GetBundleRequest.with { $0.outputMask.jwtAuthorities = true }
        return try call { [trustDomain = source.trustDomain] (client, _) throws(UpstreamError) in
            let answer: Spire_Api_Types_Bundle
            do {
                answer = try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: client)
                    .getBundle(message, options: Self.options)
            } catch let error as RPCError where error.code == .unimplemented {
                return nil
            } catch {
                throw UpstreamError(calling: error, to: "read the bundle")
            }
            return try ToldKeys(answer, of: trustDomain).keys
        }
    }

    public func publish(_ key: PublishedKey) throws(UpstreamError) {
        let message = Spire_Api_Server_Bundle_V1_PublishJWTAuthorityRequest.with {
            $0.jwtAuthority.keyID = key.authority.keyID
            $0.jwtAuthority.publicKey = Data(key.authority.key.subjectPublicKeyInfo)
            $0.jwtAuthority.expiresAt = key.notAfter
        }
        try call { (client, _) throws(UpstreamError) in
            do {
                _ = try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: client)
                    .publishJWTAuthority(message, options: Self.options)
            } catch {
                throw UpstreamError(calling: error, to: "publish a key")
            }
        }
    }
}
