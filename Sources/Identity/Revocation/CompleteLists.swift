internal import OpenSSLBinding
internal import PrintableText

extension TrustBundle {
    /// The lists for verifiers that refuse whatever they have no valid list for, as OpenSSL does and Envoy with it: one of each root
    /// that has not ended. Throws where they would have what is good refused as well.
    ///
    /// - Parameters:
    ///   - unixTime: in seconds since 1970.
    ///   - margin: how many seconds of a list have to be left.
    public func completeLists(at unixTime: Int64, margin: Int64) throws(ListShortage) -> [RevocationList] {
        var lists: [RevocationList] = []
        for root in authorities where root.notAfter > unixTime {
            let name = root.sha256.hexadecimal
            guard root.issuesLeavesAlone else { throw .authoritiesBelow(root: name) }
            guard let list = list(for: root) else { throw .missing(root: name) }
            guard list.thisUpdate <= unixTime else { throw .notBegun(root: name) }
            guard unixTime <= list.nextUpdate - margin else { throw .ending(root: name) }
            if !lists.contains(where: { $0.authority == list.authority }) { lists.append(list) }
        }
        return lists
    }

    /// Any by its key under its name speaks for a root, whichever of its certificates is meant.
    private func list(for root: Certificate) -> RevocationList? {
        revocations.first { list in
            list.authority == root
                || list.authority.publicKey == root.publicKey && list.authority.subjectName == root.subjectName
        }
    }
}

/// Why there are not lists of all. A root is named by its fingerprint.
public enum ListShortage: Error, Sendable, Equatable {
    /// Its path length is not 0: their lists would be needed, too, and nobody here has them.
    case authoritiesBelow(root: String)
    case missing(root: String)
    case notBegun(root: String)
    case ending(root: String)
}

extension ListShortage: CustomStringConvertible {
    public var description: String {
        switch self {
        case .authoritiesBelow(let root): "the root \(root) may have authorities below it, whose lists are not at hand"
        case .missing(let root): "there is no list of the root \(root)"
        case .notBegun(let root): "the list of the root \(root) is of the future"
        case .ending(let root): "the list of the root \(root) ends, and there is no newer one"
        }
    }
}

extension Certificate {
    fileprivate var issuesLeavesAlone: Bool { (try? CertificateProfile(self))?.pathLength == 0 }
}
