internal import Foundation
internal import Identity
internal import JOSE
internal import OpenSSLBinding
internal import SwiftProtobuf
internal import WorkloadProtocol

extension Spiffe_Broker_SubscribeToX509SVIDResponse {
    init(_ context: X509Context) throws(OpenSSLError) {
        self.init()
        var svids: [Spiffe_Broker_X509SVID] = []
        for svid in context.svids {
            svids.append(try Spiffe_Broker_X509SVID(svid, bundle: context.bundle.concatenated))
        }
        self.svids = svids
        crl = context.bundle.lists
        federatedBundles = context.foreignBundles.byID
    }
}

extension Spiffe_Broker_X509SVID {
    fileprivate init(_ hinted: HintedSVID, bundle: Data) throws(OpenSSLError) {
        self.init()
        let svid = hinted.svid.svid
        spiffeID = svid.id.description
        x509Svid = Data(svid.chain.flatMap(\.der))
        // The other way out of a workload's key: into the hands of a broker that acts for it.
        x509SvidKey = try unsafe hinted.svid.key.pkcs8DER().withUnsafeBytes { unsafe Data($0) }
        self.bundle = bundle
        hint = hinted.hint
    }
}

extension Spiffe_Broker_SubscribeToX509BundlesResponse {
    init(_ bundles: [TrustBundle]) {
        self.init()
        crl = bundles.flatMap(\.lists)
        self.bundles = bundles.byID
    }
}

extension Spiffe_Broker_SubscribeToJWTBundlesResponse {
    init(_ bundles: [JWTBundle]) {
        self.init()
        self.bundles = bundles.byID
    }
}

extension Spiffe_Broker_FetchJWTSVIDResponse {
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
