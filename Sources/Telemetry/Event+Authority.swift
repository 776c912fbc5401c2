/// Events of the authority. Times are Unix seconds.
extension Event {
    public static func authorityListening(address: String) -> Event {
        Event(.authorityListening, "the authority listens on \(address)", [.address: address])
    }

    public static func connectionRefused(address: String, reason: String) -> Event {
        Event(
            .connectionRefused, "the authority refused a connection from \(address): \(reason)",
            [.address: address, .reason: reason])
    }

    /// - Parameter node: nil when the node chooses its name.
    public static func tokenGenerated(node: String?, expiresAt: Int64) -> Event {
        Event(
            .tokenGenerated, "a join token was made for \(node.map { "node \($0)" } ?? "any node")",
            [.node: node ?? "", .notAfter: "\(expiresAt)"])
    }

    public static func nodeAdmitted(
        _ node: String, spiffeID: String, number: UInt32, address: String, by method: String
    ) -> Event {
        Event(
            .nodeAdmitted, "node \(node) at \(address) has joined as number \(number), by \(method)",
            [.node: node, .spiffeID: spiffeID, .nodeNumber: "\(number)", .address: address])
    }

    public static func joinRefused(address: String, reason: String) -> Event {
        Event(
            .joinRefused, "a node at \(address) was not let in: \(reason)", [.address: address, .reason: reason])
    }

    public static func nodeSVIDIssued(spiffeID: String, serial: String) -> Event {
        Event(
            .nodeSVIDIssued, "\(spiffeID) got a new SVID, serial \(serial)", [.spiffeID: spiffeID, .serial: serial])
    }

    public static func nodeBanned(spiffeID: String) -> Event {
        Event(.nodeBanned, "\(spiffeID) is shut out", [.spiffeID: spiffeID])
    }

    public static func nodeEvicted(spiffeID: String) -> Event {
        Event(.nodeEvicted, "\(spiffeID) is forgotten and may join anew", [.spiffeID: spiffeID])
    }

    /// - Parameters:
    ///   - subject: what kind of thing, and its name.
    ///   - user: who did it.
    ///   - certificates: how many are taken back by it.
    public static func revoked(_ subject: String, reason: String, user: UInt32, certificates: Int) -> Event {
        Event(
            .revoked, "\(subject) was revoked by user \(user) (\(reason)), and with it \(certificates) certificates",
            [.subject: subject, .reason: reason, .user: "\(user)", .count: "\(certificates)"])
    }

    public static func revocationLifted(_ subject: String, user: UInt32) -> Event {
        Event(
            .revocationLifted, "\(subject) may be issued again, says user \(user)",
            [.subject: subject, .user: "\(user)"])
    }

    /// - Parameters:
    ///   - entry: its ID.
    ///   - parent: SPIFFE ID of the node; nil for any.
    public static func entryCreated(_ entry: String, spiffeID: String, parent: String?) -> Event {
        Event(
            .entryCreated, "entry \(entry): \(spiffeID) on \(parent ?? "any node")",
            [.entry: entry, .spiffeID: spiffeID, .node: parent ?? ""])
    }

    public static func bundleEndpointListening(address: String, profile: String) -> Event {
        Event(
            .bundleEndpointListening, "the bundle endpoint listens on \(address), \(profile)", [.address: address])
    }

    /// A newer one is not used, or the one that is ends.
    public static func bundleCertificateRefused(reason: String) -> Event {
        Event(
            .bundleCertificateRefused, "the bundle endpoint's certificate needs care: \(reason)", [.reason: reason])
    }

    public static func bundleNotServed(reason: String) -> Event {
        Event(.bundleNotServed, "who asked the bundle endpoint got no bundle: \(reason)", [.reason: reason])
    }

    public static func downstreamListening(address: String) -> Event {
        Event(.downstreamListening, "CAs are signed for authorities below on \(address)", [.address: address])
    }

    /// - Parameters:
    ///   - spiffeID: to whom.
    ///   - entry: by which it may.
    public static func downstreamSigned(spiffeID: String, entry: String, serial: String, notAfter: Int64) -> Event {
        Event(
            .downstreamSigned, "\(spiffeID) got a CA of its own by entry \(entry), serial \(serial)",
            [.spiffeID: spiffeID, .entry: entry, .serial: serial, .notAfter: "\(notAfter)"])
    }

    /// - Parameters: as of `downstreamSigned`.
    public static func downstreamKeyPublished(spiffeID: String, entry: String, keyID: String, notAfter: Int64) -> Event
    {
        Event(
            .downstreamKeyPublished,
            "JWT-SVIDs that \(spiffeID) signs with key \(keyID) are trusted from now on, by entry \(entry)",
            [.spiffeID: spiffeID, .entry: entry, .keyID: keyID, .notAfter: "\(notAfter)"])
    }

    /// - Parameter spiffeID: nil where it did not show one.
    public static func downstreamRefused(spiffeID: String?, reason: String) -> Event {
        Event(
            .downstreamRefused, "\(spiffeID ?? "somebody") asked in vain, as an authority below: \(reason)",
            [.spiffeID: spiffeID ?? "", .reason: reason])
    }

    /// - Parameter fingerprints: of the roots.
    public static func rootsAboveChanged(fingerprints: [String]) -> Event {
        let list = fingerprints.joined(separator: ", ")
        let what = fingerprints.isEmpty ? "no roots are trusted" : "these roots are trusted"
        return Event(
            .rootsAboveChanged, "\(what) because the authority above names them\(list.isEmpty ? "" : ": ")\(list)",
            [.fingerprints: list])
    }

    public static func keysAboveFailed(reason: String) -> Event {
        Event(
            .keysAboveFailed, "keys for JWT-SVIDs are not shared with the authority above: \(reason)",
            [.reason: reason])
    }

    public static func sharingInterrupted(reason: String) -> Event {
        Event(
            .sharingInterrupted, "no change is made here, or none of other authorities is heard of: \(reason)",
            [.reason: reason])
    }

    public static var sharingRestored: Event {
        Event(.sharingRestored, "other authorities' changes are heard of again", [:])
    }

    public static func listsNotShared(reason: String) -> Event {
        Event(
            .listsNotShared, "the other authorities do not have this one's newest revocation list: \(reason)",
            [.reason: reason])
    }

    public static var listsShared: Event {
        Event(.listsShared, "the other authorities have this one's newest revocation list again", [:])
    }

    /// - Parameters: as of `entryCreated`, after the change.
    public static func entryUpdated(_ entry: String, spiffeID: String, parent: String?) -> Event {
        Event(
            .entryUpdated, "entry \(entry) was changed: \(spiffeID) on \(parent ?? "any node")",
            [.entry: entry, .spiffeID: spiffeID, .node: parent ?? ""])
    }

    public static func entryDeleted(_ entry: String, spiffeID: String) -> Event {
        Event(
            .entryDeleted, "entry \(entry) of \(spiffeID) was deleted", [.entry: entry, .spiffeID: spiffeID])
    }

    public static func workloadSVIDIssued(
        _ svid: IssuedSVID, node: String, pod: String, namespace: String
    ) -> Event {
        Event(
            .workloadSVIDIssued,
            "\(svid.spiffeID) was issued for pod \(namespace)/\(pod) on \(node), serial \(svid.serial)",
            svid.fields.merging([.node: node, .pod: pod, .namespace: namespace]) { $1 })
    }

    /// - Parameter entry: its ID.
    public static func workloadSVIDIssued(_ svid: IssuedSVID, node: String, entry: String) -> Event {
        Event(
            .workloadSVIDIssued, "\(svid.spiffeID) was issued for entry \(entry) on \(node), serial \(svid.serial)",
            svid.fields.merging([.node: node, .entry: entry]) { $1 })
    }

    /// - Parameter user: who asked for it, and has the key.
    public static func x509SVIDMinted(spiffeID: String, serial: String, notAfter: Int64, user: UInt32) -> Event {
        Event(
            .svidMinted, "an X.509-SVID of \(spiffeID) was made for user \(user), serial \(serial)",
            [.spiffeID: spiffeID, .serial: serial, .notAfter: "\(notAfter)", .user: "\(user)"])
    }

    /// - Parameter caller: SPIFFE ID; nil for one without a certificate.
    public static func callRefused(caller: String?, reason: String) -> Event {
        Event(
            .callRefused, "a call of \(caller ?? "somebody without a certificate") was refused: \(reason)",
            [.spiffeID: caller ?? "", .reason: reason])
    }

    public static func leaseTakenOver(prefix: String, by node: UInt32, from other: UInt32) -> Event {
        Event(
            .leaseTakenOver, "node \(node) took over \(prefix) from node \(other), which still reports it",
            [.prefixes: prefix, .nodeNumber: "\(node)", .peer: "\(other)"])
    }

    public static func leasesRefused(prefixes: [String], node: String) -> Event {
        let list = prefixes.joined(separator: ", ")
        return Event(
            .leasesRefused, "\(node) reported addresses that it may not have: \(list)",
            [.prefixes: list, .node: node])
    }

    /// - Parameter asker: SPIFFE ID or address of who asked for it; nil for an operator.
    public static func directoryFull(asker: String?, reason: String) -> Event {
        Event(
            .directoryFull, "\(asker ?? "an operator") was refused: \(reason)",
            [.spiffeID: asker ?? "", .reason: reason])
    }

    public static func serverSVIDRenewed(serial: String) -> Event {
        Event(.serverSVIDRenewed, "the authority's SVID was renewed, serial \(serial)", [.serial: serial])
    }

    public static func caKeyAway(reason: String) -> Event {
        Event(.caKeyAway, "the CA's key does not sign, nothing is issued: \(reason)", [.reason: reason])
    }

    public static var caKeyBack: Event { Event(.caKeyBack, "the CA's key signs again", [:]) }

    public static func serverSVIDRenewalFailed(reason: String) -> Event {
        Event(
            .serverSVIDRenewalFailed, "the authority's SVID was not renewed and stays in use: \(reason)",
            [.reason: reason])
    }
}

/// A workload's SVID, for the journal.
public struct IssuedSVID: Sendable {
    let spiffeID: String
    let identity: UInt32
    let serial: String
    let notAfter: Int64

    /// - Parameter notAfter: Unix seconds.
    public init(spiffeID: String, identity: UInt32, serial: String, notAfter: Int64) {
        self.spiffeID = spiffeID
        self.identity = identity
        self.serial = serial
        self.notAfter = notAfter
    }

    var fields: [EventField: String] {
        [.spiffeID: spiffeID, .identity: "\(identity)", .serial: serial, .notAfter: "\(notAfter)"]
    }
}
