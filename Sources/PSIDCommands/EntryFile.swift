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
        do throws(EntryFileProblem) { return try entries(Array(file.contents)) } catch {
            throw CommandFailure(.failure, "\(file.name): \(error.description)".printable)
        }
    }

    package static func entries(_ bytes: [UInt8]) throws(EntryFileProblem) -> [Podshield_Admin_V1_Entry] {
        let value: JSONValue
        do throws(JSONError) { value = try JSONReader.read(bytes) } catch {
            throw EntryFileProblem(description: "\(error)")
        }
        guard let document = value.object, let listed = document["entries"]?.elements, !listed.isEmpty else {
            throw EntryFileProblem(description: "there is no list of entries in it")
        }
        var rest = EntryMembers(document, place: "beside the entries")
        rest.drop("entries")
        try rest.checkRest()
        var entries: [Podshield_Admin_V1_Entry] = []
        for (index, value) in listed.enumerated() { entries.append(try entry(value, place: "entry \(index + 1)")) }
        return entries
    }

    private static func entry(_ value: JSONValue, place: String) throws(EntryFileProblem) -> Podshield_Admin_V1_Entry {
        guard let object = value.object else { throw EntryFileProblem(description: "\(place) is no object") }
        return try EntryMembers(object, place: place).entry()
    }
}

/// Why there are no entries in a file.
package struct EntryFileProblem: Error {
    package let description: String
}

/// The members of one entry, or of the file, each to be taken once.
private struct EntryMembers {
    private var members: [String: JSONValue]
    private let place: String

    init(_ object: JSONObject, place: String) {
        // No reader of ours lets two through whose names Swift takes for the same.
        members = Dictionary(uniqueKeysWithValues: object.members.map { ($0.name, $0.value) })
        self.place = place
    }

    mutating func drop(_ name: String) { members[name] = nil }

    func entry() throws(EntryFileProblem) -> Podshield_Admin_V1_Entry {
        var rest = self
        var entry = Podshield_Admin_V1_Entry()
        entry.id = try rest.take("id", "entry_id", "", \.text)
        entry.spiffeID = try rest.take("spiffeID", "spiffe_id", nil, \.text)
        entry.parentID = try rest.take("parentID", "parent_id", "", \.text)
        entry.selectors = try rest.take("selectors", "selectors", nil) { $0.elements?.map(Self.selector).whole }
        entry.labels = try rest.take("labels", "labels", [:], \.texts)
        entry.dnsNames = try rest.take("dnsNames", "dns_names", []) { $0.elements?.map(\.text).whole }
        entry.svidTtl = Int64(try rest.take("svidTTL", "x509_svid_ttl", 0, \.seconds))
        entry.jwtSvidTtl = Int64(try rest.take("jwtSVIDTTL", "jwt_svid_ttl", 0, \.seconds))
        entry.hint = try rest.take("hint", "hint", "", \.text)
        entry.federatesWith = try rest.take("federatesWith", "federates_with", []) { $0.elements?.map(\.text).whole }
        entry.downstream = try rest.take("downstream", "downstream", false, \.bool)
        try rest.checkRest()
        return entry
    }

    /// - Parameter otherwise: what it is where it is not there; nil if it has to be.
    private mutating func take<Value>(
        _ name: String, _ other: String, _ otherwise: Value?, _ read: (JSONValue) -> Value?
    ) throws(EntryFileProblem) -> Value {
        let found = [members.removeValue(forKey: name), members.removeValue(forKey: other)].compactMap(\.self)
        guard found.count < 2 else { throw problem("\(name) stands twice") }
        guard let value = found.first.map(read) ?? otherwise else {
            throw problem(found.isEmpty ? "\(name) is missing" : "\(name) makes no sense")
        }
        return value
    }

    /// What the registry gives.
    private static let given: Set<String> = ["schema", "createdAt", "created_at", "revision_number"]
    /// What we have not, and need not where it says nothing.
    private static let foreign: Set<String> = [
        "admin", "store_svid", "entry_expiry", "expires_at", "next_page_token",
    ]

    func checkRest() throws(EntryFileProblem) {
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            guard Self.given.union(Self.foreign).contains(name) else { throw problem("\(name.quoted) is not known") }
            guard Self.given.contains(name) || Self.saysNothing(value) else {
                throw problem("\(name) is not supported")
            }
        }
    }

    private static func saysNothing(_ value: JSONValue) -> Bool {
        switch value {
        case .null: true
        case .bool(let value): !value
        case .integer(let value): value == 0
        case .number(let value): value == 0
        case .string(let text): text.isEmpty
        case .array(let elements): elements.isEmpty
        case .object: false
        }
    }

    private static func selector(_ value: JSONValue) -> String? {
        if let text = value.text { return text }
        guard let members = value.texts, members.count == 2, let type = members["type"],
            let value = members["value"]
        else { return nil }
        return "\(type):\(value)"
    }

    private func problem(_ text: String) -> EntryFileProblem { EntryFileProblem(description: "\(place): \(text)") }
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
