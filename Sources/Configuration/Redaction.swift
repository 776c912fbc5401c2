import Yams

extension PodshieldConfiguration {
    /// A file's text for other eyes: what it sets, without comments, secrets, and keys that do not exist, which may be a secret
    /// in the wrong place. Of text that is no YAML nothing is left.
    public static func redacted(yaml: String) -> String {
        guard let root = try? Yams.compose(yaml: yaml) else { return "\(Redaction.placeholder)\n" }
        let shown = Redaction(of: root).shown(root, section: nil)
        return (try? Yams.serialize(node: shown)) ?? "\(Redaction.placeholder)\n"
    }
}

private struct Redaction {
    static let placeholder = "(left out)"

    /// Values of secret keys: an alias may repeat them anywhere.
    private let secrets: Set<String>

    init(of root: Yams.Node) {
        secrets = Set(
            ConfigurationKey.allCases.filter { $0.disclosure == .secret }.compactMap { key in
                key.section.flatMap { root.mapping?[$0]?.mapping?[key.name]?.scalar?.string }
            })
    }

    func shown(_ node: Yams.Node, section: String?) -> Yams.Node {
        guard let mapping = node.mapping else { return Yams.Node(Self.placeholder) }
        var pairs: [(Yams.Node, Yams.Node)] = []
        var unknown = 0
        for (key, value) in mapping {
            if let name = key.scalar?.string, section == nil, ConfigurationKey.sections.contains(name) {
                pairs.append((Yams.Node(name), shown(value, section: name)))
            } else if let known = ConfigurationKey(key, in: section) {
                pairs.append((Yams.Node(known.name), isPublic(value, of: known) ? value : Yams.Node(Self.placeholder)))
            } else {
                unknown += 1
            }
        }
        if unknown > 0 { pairs.append((Yams.Node(Self.placeholder), Yams.Node("keys that do not exist: \(unknown)"))) }
        return .mapping(Yams.Node.Mapping(pairs))
    }

    private func isPublic(_ value: Yams.Node, of key: ConfigurationKey) -> Bool {
        switch key.disclosure {
        case .open: isPublic(value)
        case .path: isPublic(value) && value.scalar?.string.hasPrefix("/") ?? false
        case .brokers: value.sequence?.allSatisfy(isPublicBroker) ?? isPublic(value)
        case .secret: false
        }
    }

    /// One that is as it should be: a SPIFFE ID, and lists of what there is to choose from.
    private func isPublicBroker(_ broker: Yams.Node) -> Bool {
        let known = PodshieldConfiguration.BrokerReference.allCases.map(\.rawValue)
        return broker.mapping?.allSatisfy { word, value in
            guard PodshieldConfiguration.Broker.words.contains(word.scalar?.string ?? ""), isPublic(value) else {
                return false
            }
            if let id = value.scalar?.string { return id.hasPrefix("spiffe://") }
            return value.sequence?.allSatisfy { known.contains($0.scalar?.string ?? "") } ?? false
        } ?? false
    }

    /// A scalar or a list of scalars, none of them a secret.
    private func isPublic(_ value: Yams.Node) -> Bool {
        if let scalar = value.scalar { return !secrets.contains(scalar.string) }
        return value.sequence?.allSatisfy { $0.scalar.map { !secrets.contains($0.string) } ?? false } ?? false
    }
}

extension ConfigurationKey {
    fileprivate init?(_ key: Yams.Node, in section: String?) {
        guard let name = key.scalar?.string else { return nil }
        self.init(rawValue: section.map { "\($0).\(name)" } ?? name)
        // `a.b` as one word is no key.
        guard self.section == section else { return nil }
    }
}
