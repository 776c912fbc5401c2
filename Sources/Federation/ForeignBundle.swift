public import Identity
public import JOSE

/// What another trust domain says whom to trust for it, as far as we understand it. Never merged with another's.
public struct ForeignBundle: Sendable, Equatable {
    /// What whoever reads `encoded` knows, too.
    public let document: BundleDocument
    /// In our own encoding: without what was not understood.
    public let encoded: String

    public var trustDomain: TrustDomain { document.bundle.trustDomain }

    /// Most bytes in our encoding: it goes to every node.
    public static let largest = 128 << 10

    public init(_ document: BundleDocument) throws(FederationError) {
        let encoded = document.encoded
        guard encoded.utf8.count <= Self.largest else { throw .tooLarge(bytes: encoded.utf8.count) }
        self.document = try Self.read(Array(encoded.utf8), of: document.bundle.trustDomain)
        self.encoded = encoded
    }

    public init(parsing text: [UInt8], of trustDomain: TrustDomain) throws(FederationError) {
        try self.init(Self.read(text, of: trustDomain))
    }

    private static func read(_ text: [UInt8], of trustDomain: TrustDomain) throws(FederationError) -> BundleDocument {
        do throws(BundleDocumentError) { return try BundleDocument(parsing: text, of: trustDomain) } catch {
            throw .document(error)
        }
    }

    /// Whether this may take the place of one that is held: a document that says its sequence does not go back.
    public func checkSuccession(to held: ForeignBundle?) throws(FederationError) {
        guard let held, document.sequence < held.document.sequence else { return }
        throw .rolledBack(from: held.document.sequence, to: document.sequence)
    }

    /// When to look for a newer one: what the document asks for, within a minute and a day, and five minutes where it does not
    /// say (SPIFFE_Trust_Domain_and_Bundle.md section 4.1.2 leaves that open).
    public var refreshPause: Duration {
        min(max(document.refreshHint ?? .seconds(300), .seconds(60)), .seconds(86400))
    }
}
