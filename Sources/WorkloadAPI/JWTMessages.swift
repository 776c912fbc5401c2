internal import Foundation
package import Identity
package import JOSE
internal import SwiftProtobuf
internal import WorkloadProtocol

/// Which tokens are asked for; all of it is mandatory but the ID (SPIFFE_Workload_API.md section 6.2.1).
package struct TokenWish: Sendable {
    /// The only identity that is meant; nil for all.
    package let id: SPIFFEID?
    package let audience: JWTAudience

    /// - Parameter id: empty for all.
    package init(_ audience: [String], id: String) throws(Denial) {
        do {
            self.id = id.isEmpty ? nil : try SPIFFEID(id)
            self.audience = try JWTAudience(audience)
        } catch {
            throw .badRequest("\(error)")
        }
    }
}

extension JWTSVIDResponse {
    init(_ tokens: [HintedToken]) {
        self.init()
        svids = tokens.map { token in
            .with {
                $0.spiffeID = token.svid.id.description
                $0.svid = token.svid.token
                $0.hint = token.hint
            }
        }
    }
}

extension JWTBundlesResponse {
    init(_ bundles: [JWTBundle]) {
        self.init()
        self.bundles = bundles.byID
    }
}

extension [JWTBundle] {
    /// By the trust domains' SPIFFE IDs.
    var byID: [String: Data] {
        reduce(into: [:]) { $0[SPIFFEID($1.trustDomain).description] = Data($1.encoded.utf8) }
    }
}

extension ValidateJWTSVIDResponse {
    init(_ svid: JOSE.JWTSVID) throws(Denial) {
        self.init()
        spiffeID = svid.id.description
        do { claims = try Google_Protobuf_Struct(jsonString: svid.claims.encoded) } catch {
            throw .badRequest("the claims cannot be told")
        }
    }
}
