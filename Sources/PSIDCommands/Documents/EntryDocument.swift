package import AdminAPI

/// A registration entry: `psid entry create|update|show|delete -o json`, and each of `psid entry list`.
struct EntryDocument: Encodable {
    let id: String
    let spiffeID: String
    /// SPIFFE ID of the node; left out for any.
    let parentID: String?
    let selectors: [String]
    let labels: [String: String]
    /// Seconds; left out for the authority's setting.
    let svidTTL: Int64?
    /// Likewise, of JWT-SVIDs.
    let jwtSVIDTTL: Int64?
    let dnsNames: [String]
    /// Left out for none.
    let hint: String?
    /// Trust domains; left out for none.
    let federatesWith: [String]?
    /// Left out where it is not.
    let downstream: Bool?
    let createdAt: Timestamp?
}

/// `psid entry list -o json`, and what `psid entry create` has made of a file.
package struct EntriesDocument: Encodable {
    let entries: [EntryDocument]

    package init(_ entries: [Podshield_Admin_V1_Entry]) { self.init(entries: entries.map(EntryDocument.init)) }

    init(entries: [EntryDocument]) { self.entries = entries }
}

extension EntryDocument {
    init(_ entry: Podshield_Admin_V1_Entry) {
        id = entry.id
        spiffeID = entry.spiffeID
        parentID = entry.parentID.known
        selectors = entry.selectors
        labels = entry.labels
        svidTTL = entry.svidTtl.known
        jwtSVIDTTL = entry.jwtSvidTtl.known
        dnsNames = entry.dnsNames
        hint = entry.hint.known
        federatesWith = entry.federatesWith.isEmpty ? nil : entry.federatesWith
        downstream = entry.downstream ? true : nil
        createdAt = Timestamp(unix: entry.createdAt)
    }

    var sheet: Sheet {
        var sheet = Sheet()
        sheet.add("entry", id)
        sheet.add("SPIFFE ID", spiffeID)
        sheet.add("node", parentID ?? "any")
        sheet.add("selectors", selectors.joined(separator: ", "))
        sheet.add("policy labels", labels.assignments)
        sheet.add("DNS names", dnsNames.joined(separator: ", "))
        sheet.add("hint", hint)
        sheet.add("federates with", federatesWith?.joined(separator: ", "))
        sheet.add("downstream", downstream.map { _ in "may have a CA of its own" })
        sheet.add("SVID lifetime", svidTTL.map { "\($0) s" })
        sheet.add("JWT lifetime", jwtSVIDTTL.map { "\($0) s" })
        return sheet
    }
}

extension EntriesDocument {
    var table: [String] {
        var table = Table("ID", "SPIFFE ID", "NODE", "SELECTORS")
        for entry in entries {
            table.add(entry.id, entry.spiffeID, entry.parentID ?? "any", entry.selectors.joined(separator: ","))
        }
        return table.lines
    }
}
