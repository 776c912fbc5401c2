public import Federation
import Identity
import PrintableText
import Yams

extension PodshieldConfiguration {
    /// Another trust domain whose bundle workloads may have.
    public struct Federated: Sendable, Equatable {
        public var relationship: Relationship
        /// A SPIFFE document to begin with; nil where the endpoint needs none, or an operator brings it.
        public var bundleFile: String?

        /// What an element of `federation.relationships` may say.
        static let words = ["trust-domain", "url", "profile", "endpoint-spiffe-id", "bundle-file"]
    }
}

extension ConfigurationReader {
    mutating func relationships() -> [PodshieldConfiguration.Federated] {
        guard hasSection("federation") else { return [] }
        let elements = document.mappings(.federationRelationships, of: PodshieldConfiguration.Federated.words)
        let found = elements.compactMap { federated($0) }
        for (index, each) in found.enumerated() {
            let name = each.relationship.trustDomain
            guard found[..<index].contains(where: { $0.relationship.trustDomain == name }) else { continue }
            document.report("\(name) stands more than once", at: .federationRelationships)
        }
        if elements.count > Relationship.most {
            document.report(
                "has \(elements.count) elements, \(Relationship.most) are the most", at: .federationRelationships)
        }
        return found
    }

    private mutating func federated(_ values: [String: Yams.Node]) -> PodshieldConfiguration.Federated? {
        let key = ConfigurationKey.federationRelationships
        guard let name = values["trust-domain"] else {
            document.report("an element has no trust-domain", at: key)
            return nil
        }
        let trustDomain = document.parse(name, of: key, .trustDomain)
        let url = values["url"].flatMap { document.parse($0, of: key, .endpointURL) }
        if values["url"] == nil { document.report("federation.relationships: an element has no url", at: name.mark) }
        let profile = profile(values, at: name)
        let bundleFile = values["bundle-file"].flatMap { document.parse($0, of: key, .path) }
        guard let trustDomain, let url, let profile,
            let own = document.text(.trustDomain).flatMap({ try? TrustDomain($0) })
        else { return nil }
        do throws(FederationError) {
            let relationship = try Relationship(with: trustDomain, of: own, at: url, profile: profile)
            return PodshieldConfiguration.Federated(relationship: relationship, bundleFile: bundleFile)
        } catch {
            document.report("federation.relationships: \(error)", at: name.mark)
            return nil
        }
    }

    private mutating func profile(_ values: [String: Yams.Node], at name: Yams.Node) -> Federation.EndpointProfile? {
        let key = ConfigurationKey.federationRelationships
        let word = values["profile"].map { document.parse($0, of: key, .word) } ?? EndpointProfileWord.spiffe
        let id = values["endpoint-spiffe-id"]
        switch word {
        case .spiffe:
            guard let id else {
                document.report(
                    "federation.relationships: endpoint-spiffe-id is missing: who is at the URL?", at: name.mark)
                return nil
            }
            return document.parse(id, of: key, .spiffeID).map { .spiffe($0) }
        case .web:
            if let id {
                document.report(
                    "federation.relationships: endpoint-spiffe-id says nothing with profile https-web", at: id.mark)
            }
            return .web
        case nil: return nil
        }
    }
}

extension PodshieldConfiguration.Federated {
    /// In words that differ when it does.
    var text: String {
        let id = if case .spiffe(let id) = relationship.profile { "\(id)" } else { "" }
        return
            "\(relationship.trustDomain) \(relationship.url.text) \(relationship.profile.name) \(id) \(bundleFile ?? "")"
    }
}
