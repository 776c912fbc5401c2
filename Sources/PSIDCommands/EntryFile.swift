import AdminAPI
import Foundation
import PrintableText

/// Entries in a file: `{"entries": [...]}`, each in SPIRE's words (`spiffe_id`, `parent_id`, selectors as type and value) or in
/// ours (`spiffeID`, `parentID`, selectors as text). What is not known is refused, for it might be what matters.
enum EntryFile {
    static let mostBytes = 64 << 20

    /// - Parameter path: `-` for standard input.
    static func read(_ path: String) throws(CommandFailure) -> [Podshield_Admin_V1_Entry] {
        let file = try InputFile(path, mostBytes: mostBytes)
        do { return try entries(file.contents) } catch let problem as EntryFileProblem {
            throw CommandFailure(.failure, "\(file.name): \(problem.description)".printable)
        } catch {
            throw CommandFailure(.failure, "\(file.name) is no JSON of entries".printable)
        }
    }

    static func entries(_ data: Data) throws -> [Podshield_Admin_V1_Entry] {
        guard let document = try JSONSerialization.jsonObject(with: data) as? [String: Any],
            let entries = document["entries"] as? [Any], !entries.isEmpty
        else { throw EntryFileProblem(description: "there is no list of entries in it") }
        return try entries.enumerated().map { index, entry in
            guard let members = entry as? [String: Any] else {
                throw EntryFileProblem(description: "entry \(index + 1) is no object")
            }
            return try EntryMembers(members, place: "entry \(index + 1)").entry()
        }
    }
}

struct EntryFileProblem: Error {
    let description: String
}

/// The members of one entry, each to be taken once.
private struct EntryMembers {
    private var members: [String: Any]
    private let place: String

    init(_ members: [String: Any], place: String) {
        (self.members, self.place) = (members, place)
    }

    func entry() throws -> Podshield_Admin_V1_Entry {
        var rest = self
        var entry = Podshield_Admin_V1_Entry()
        entry.id = try rest.take("id", "entry_id", "") { $0 as? String }
        entry.spiffeID = try rest.take("spiffeID", "spiffe_id", nil) { $0 as? String }
        entry.parentID = try rest.take("parentID", "parent_id", "") { $0 as? String }
        entry.selectors = try rest.take("selectors", "selectors", nil) { ($0 as? [Any])?.map(Self.selector).whole }
        entry.labels = try rest.take("labels", "labels", [:]) { $0 as? [String: String] }
        entry.dnsNames = try rest.take("dnsNames", "dns_names", []) { $0 as? [String] }
        entry.svidTtl = Int64(try rest.take("svidTTL", "x509_svid_ttl", 0) { $0 as? UInt32 })
        entry.jwtSvidTtl = Int64(try rest.take("jwtSVIDTTL", "jwt_svid_ttl", 0) { $0 as? UInt32 })
        entry.hint = try rest.take("hint", "hint", "") { $0 as? String }
        entry.federatesWith = try rest.take("federatesWith", "federates_with", []) { $0 as? [String] }
        entry.downstream = try rest.take("downstream", "downstream", false) { $0 as? Bool }
        try rest.checkRest()
        return entry
    }

    /// - Parameter otherwise: what it is where it is not there; nil if it has to be.
    private mutating func take<Value>(
        _ name: String, _ other: String, _ otherwise: Value?, _ read: (Any) -> Value?
    ) throws -> Value {
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
        "admin", "store_svid", "entry_expiry", "expires_at",
    ]

    private func checkRest() throws {
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            guard Self.given.union(Self.foreign).contains(name) else { throw problem("\(name) is not known") }
            guard Self.given.contains(name) || Self.saysNothing(value) else {
                throw problem("\(name) is not supported")
            }
        }
    }

    private static func saysNothing(_ value: Any) -> Bool {
        value is NSNull || (value as? NSNumber)?.doubleValue == 0 || (value as? [Any])?.isEmpty == true
    }

    private static func selector(_ value: Any) -> String? {
        if let text = value as? String { return text }
        guard let members = value as? [String: String], members.count == 2, let type = members["type"],
            let value = members["value"]
        else { return nil }
        return "\(type):\(value)"
    }

    private func problem(_ text: String) -> EntryFileProblem { EntryFileProblem(description: "\(place): \(text)") }
}

extension [String?] {
    /// Nil where one is missing.
    fileprivate var whole: [String]? {
        let present = compactMap(\.self)
        return present.count == count ? present : nil
    }
}
