package import AdminAPI
import JOSE
import PrintableText

/// Entries in a file: `{"entries": [...]}`, each in SPIRE's words (`spiffe_id`, `parent_id`, selectors as type and value) or in
/// ours (`spiffeID`, `parentID`, selectors as text). What is not known, or said twice, is refused: it might be what matters.
package enum EntryFile {
    private static let mostBytes = 64 << 20

    /// - Parameter path: `-` for standard input.
    static func read(_ path: String) throws(CommandFailure) -> [Podshield_Admin_V1_Entry] {
        let file = try InputFile(path, mostBytes: mostBytes)
        do throws(InputFileProblem) { return try entries(Array(file.contents)) } catch {
            throw CommandFailure(error, in: file)
        }
    }

    package static func entries(_ bytes: [UInt8]) throws(InputFileProblem) -> [Podshield_Admin_V1_Entry] {
        let document = try FileMembers(document: bytes, place: "beside the entries")
        return try document.list("entries", "entries", of: "entry", ignoring: given, foreign).map {
            (members) throws(InputFileProblem) in try entry(members)
        }
    }

    private static func entry(_ members: FileMembers) throws(InputFileProblem) -> Podshield_Admin_V1_Entry {
        var rest = members
        var entry = Podshield_Admin_V1_Entry()
        entry.id = try rest.take("id", "entry_id", "", \.text)
        entry.spiffeID = try rest.take("spiffeID", "spiffe_id", nil, \.text)
        entry.parentID = try rest.take("parentID", "parent_id", "", \.text)
        entry.selectors = try rest.take("selectors", "selectors", nil) { $0.elements?.map(selector).whole }
        entry.labels = try rest.take("labels", "labels", [:], \.texts)
        entry.dnsNames = try rest.take("dnsNames", "dns_names", []) { $0.elements?.map(\.text).whole }
        entry.svidTtl = Int64(try rest.take("svidTTL", "x509_svid_ttl", 0, \.seconds))
        entry.jwtSvidTtl = Int64(try rest.take("jwtSVIDTTL", "jwt_svid_ttl", 0, \.seconds))
        entry.hint = try rest.take("hint", "hint", "", \.text)
        entry.federatesWith = try rest.take("federatesWith", "federates_with", []) { $0.elements?.map(\.text).whole }
        entry.downstream = try rest.take("downstream", "downstream", false, \.bool)
        try rest.checkRest(ignoring: given, foreign)
        return entry
    }

    /// What the registry gives.
    private static let given: Set<String> = ["schema", "createdAt", "created_at", "revision_number"]
    /// What we have not, and need not where it says nothing.
    private static let foreign: Set<String> = [
        "admin", "store_svid", "entry_expiry", "expires_at", "next_page_token",
    ]

    private static func selector(_ value: JSONValue) -> String? {
        if let text = value.text { return text }
        guard let members = value.texts, members.count == 2, let type = members["type"],
            let value = members["value"]
        else { return nil }
        return "\(type):\(value)"
    }
}

extension JSONValue {
    fileprivate var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    fileprivate var seconds: UInt32? { integer.flatMap(UInt32.init(exactly:)) }

    /// The members of an object, all of them texts.
    fileprivate var texts: [String: String]? {
        guard let members = object?.members else { return nil }
        let texts = members.compactMap { member in member.value.text.map { (member.name, $0) } }
        return texts.count == members.count ? Dictionary(uniqueKeysWithValues: texts) : nil
    }
}

extension [String?] {
    /// Nil where one is missing.
    fileprivate var whole: [String]? {
        let present = compactMap(\.self)
        return present.count == count ? present : nil
    }
}
