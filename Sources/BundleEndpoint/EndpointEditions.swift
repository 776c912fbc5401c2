public import Identity
public import JOSE

/// Makes what the endpoint has to say, once for each edition of whom to trust.
public actor EndpointEditions {
    private let refreshHint: Duration
    private let issuer: JWTIssuer?
    private var newest: (bundle: UInt64, jwtBundle: UInt64, documents: EndpointDocuments)?

    /// - Parameter issuer: nil where tokens name none.
    public init(refreshHint: Duration, issuer: JWTIssuer?) {
        self.refreshHint = refreshHint
        self.issuer = issuer
    }

    /// What to say of these. Their sequences tell them from others.
    public func documents(of bundle: TrustBundle, _ jwtBundle: JWTBundle) -> EndpointDocuments {
        if let newest, newest.bundle == bundle.sequence, newest.jwtBundle == jwtBundle.sequence {
            return newest.documents
        }
        let documents = EndpointDocuments(
            bundle: BundleDocument(bundle: bundle, jwtBundle: jwtBundle, refreshHint: refreshHint),
            discovery: issuer.map { DiscoveryDocument(issuer: $0, jwtBundle: jwtBundle) })
        newest = (bundle.sequence, jwtBundle.sequence, documents)
        return documents
    }
}
