/// A JWT-SVID as events tell of it; never the token.
public struct SignedJWT: Sendable {
    let spiffeID: String
    let audience: String
    let expiresAt: Int64
    let keyID: String

    /// - Parameter expiresAt: Unix seconds.
    public init(spiffeID: String, audience: [String], expiresAt: Int64, keyID: String) {
        self.spiffeID = spiffeID
        self.audience = audience.joined(separator: ", ")
        self.expiresAt = expiresAt
        self.keyID = keyID
    }

    var fields: [EventField: String] {
        [.spiffeID: spiffeID, .audience: audience, .notAfter: "\(expiresAt)", .keyID: keyID]
    }
}

/// Events about JWT-SVIDs and the keys that sign them. Times are Unix seconds.
extension Event {
    public static func jwtSVIDIssued(_ svid: SignedJWT, node: String, pod: String, namespace: String) -> Event {
        Event(
            .jwtSVIDIssued,
            "a JWT-SVID of \(svid.spiffeID) for \(svid.audience) was issued for pod \(namespace)/\(pod) on \(node)",
            svid.fields.merging([.node: node, .pod: pod, .namespace: namespace]) { $1 })
    }

    /// - Parameter entry: its ID.
    public static func jwtSVIDIssued(_ svid: SignedJWT, node: String, entry: String) -> Event {
        Event(
            .jwtSVIDIssued,
            "a JWT-SVID of \(svid.spiffeID) for \(svid.audience) was issued for entry \(entry) on \(node)",
            svid.fields.merging([.node: node, .entry: entry]) { $1 })
    }

    /// - Parameter user: who asked for it.
    public static func jwtSVIDMinted(_ svid: SignedJWT, user: UInt32) -> Event {
        Event(
            .svidMinted, "a JWT-SVID of \(svid.spiffeID) for \(svid.audience) was made for user \(user)",
            svid.fields.merging([.user: "\(user)"]) { $1 })
    }

    public static func jwtKeyPrepared(keyID: String, notAfter: Int64) -> Event {
        Event(
            .jwtKeyPrepared, "key \(keyID) for JWT-SVIDs was made and published",
            [.keyID: keyID, .notAfter: "\(notAfter)"])
    }

    public static func jwtKeyActivated(keyID: String) -> Event {
        Event(.jwtKeyActivated, "JWT-SVIDs are signed with key \(keyID) from now on", [.keyID: keyID])
    }

    public static func jwtKeyRemoved(keyID: String) -> Event {
        Event(
            .jwtKeyRemoved, "key \(keyID) for JWT-SVIDs is gone: it has ended, or its holder below may have none",
            [.keyID: keyID])
    }

    public static func jwtKeyTainted(keyID: String) -> Event {
        Event(
            .jwtKeyTainted, "key \(keyID) for JWT-SVIDs is tainted: nodes give out nothing that it signed any more",
            [.keyID: keyID])
    }

    public static func jwtKeyRevoked(keyID: String) -> Event {
        Event(
            .jwtKeyRevoked, "key \(keyID) for JWT-SVIDs is taken out: what it signed is refused from now on",
            [.keyID: keyID])
    }

    public static func jwtKeyLost(path: String) -> Event {
        Event(.jwtKeyLost, "\(path) has gone: JWT-SVIDs are signed with another key", [.reason: "\(path) has gone"])
    }

    public static func jwtKeysFailed(reason: String) -> Event {
        Event(.jwtKeysFailed, "the keys for JWT-SVIDs could not be looked after: \(reason)", [.reason: reason])
    }
}
