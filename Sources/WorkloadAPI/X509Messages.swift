internal import Foundation
internal import Identity
internal import OpenSSLBinding
internal import WorkloadProtocol

extension X509SVIDResponse {
    init(_ context: X509Context) throws(OpenSSLError) {
        self.init()
        var svids: [WorkloadProtocol.X509SVID] = []
        for svid in context.svids { svids.append(try .init(svid, context.bundle)) }
        self.svids = svids
        crl = context.bundle.lists
        federatedBundles = context.foreignBundles.byID
    }
}

extension WorkloadProtocol.X509SVID {
    init(_ hinted: HintedSVID, _ bundle: TrustBundle) throws(OpenSSLError) {
        self.init()
        let svid = hinted.svid.svid
        spiffeID = svid.id.description
        x509Svid = Data(svid.chain.flatMap(\.der))
        // The one way out of a workload's key: into the hands of the workload.
        x509SvidKey = try unsafe hinted.svid.key.pkcs8DER().withUnsafeBytes { unsafe Data($0) }
        self.bundle = bundle.concatenated
        hint = hinted.hint
    }
}

extension X509BundlesResponse {
    init(_ bundles: [TrustBundle]) {
        self.init()
        crl = bundles.flatMap(\.lists)
        self.bundles = bundles.byID
    }
}

extension [TrustBundle] {
    /// By the trust domains' SPIFFE IDs.
    var byID: [String: Data] {
        reduce(into: [:]) { $0[SPIFFEID($1.trustDomain).description] = $1.concatenated }
    }
}

extension TrustBundle {
    var lists: [Data] { revocations.map { Data($0.der) } }

    var concatenated: Data { Data(authorities.flatMap(\.der)) }
}
