internal import AdminAPI
internal import Foundation
internal import PSIDCommands

/// What `psid entry create --data` is given. What it takes says the same as `psid entry list -o json` prints it, and to another
/// reader of JSON; what it refuses it names in a few words.
func fuzzEntryFile(_ input: [UInt8]) {
    let entries: [Podshield_Admin_V1_Entry]
    do throws(InputFileProblem) { entries = try EntryFile.entries(input) } catch {
        return precondition(!error.description.isEmpty && error.description.unicodeScalars.count <= longestLine)
    }
    precondition(!entries.isEmpty)
    checkSecondOpinion(input, entries)
    guard let listed = try? JSONEncoder().encode(EntriesDocument(entries)) else {
        preconditionFailure("what cannot be listed")
    }
    precondition((try? EntryFile.entries(Array(listed))) == entries)
}

/// Foundation reads more than we do, and takes the last of what is said twice; what both read is the same.
private func checkSecondOpinion(_ input: [UInt8], _ entries: [Podshield_Admin_V1_Entry]) {
    guard let document = try? JSONSerialization.jsonObject(with: Data(input)) as? [String: Any],
        let others = document["entries"] as? [[String: Any]]
    else { return }
    precondition(others.count == entries.count)
    for (entry, other) in zip(entries, others) {
        precondition((other["spiffeID"] ?? other["spiffe_id"]) as? String == entry.spiffeID)
        precondition((other["parentID"] ?? other["parent_id"]) as? String ?? "" == entry.parentID)
        precondition((other["selectors"] as? [Any])?.count == entry.selectors.count)
        precondition(((other["svidTTL"] ?? other["x509_svid_ttl"]) as? NSNumber)?.int64Value ?? 0 == entry.svidTtl)
    }
}
