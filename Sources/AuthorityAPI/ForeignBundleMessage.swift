import Foundation
import Identity
import JOSE

extension Podshield_Authority_V1_ForeignBundle {
    init(_ document: BundleDocument) {
        self.init()
        trustDomain = document.bundle.trustDomain.name
        self.document = Data(document.encoded.utf8)
    }

    /// Nil unless each is of a trust domain of its own, and none of the own one.
    static func parsed(_ messages: [Self], beside own: TrustDomain) -> [BundleDocument]? {
        guard messages.count <= DirectoryEdition.mostForeignBundles else { return nil }
        let documents = messages.compactMap(\.parsed)
        let names = Set(documents.map(\.bundle.trustDomain))
        guard documents.count == messages.count, names.count == messages.count, !names.contains(own) else { return nil }
        return documents
    }

    private var parsed: BundleDocument? {
        guard let trustDomain = try? TrustDomain(trustDomain) else { return nil }
        return try? BundleDocument(parsing: Array(document), of: trustDomain)
    }
}
