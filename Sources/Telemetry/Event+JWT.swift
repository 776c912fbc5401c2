/// Events about JWT-SVIDs and the keys that sign them. Times are Unix seconds.
extension Event {
    public static func jwtKeyPrepared(keyID: String, notAfter: Int64) -> Event {
        Event(
            .jwtKeyPrepared, "key \(keyID) for JWT-SVIDs was made and published",
            [.keyID: keyID, .notAfter: "\(notAfter)"])
    }

    public static func jwtKeyActivated(keyID: String) -> Event {
        Event(.jwtKeyActivated, "JWT-SVIDs are signed with key \(keyID) from now on", [.keyID: keyID])
    }

    public static func jwtKeyRemoved(keyID: String) -> Event {
        Event(.jwtKeyRemoved, "key \(keyID) for JWT-SVIDs has ended and is gone", [.keyID: keyID])
    }

    public static func jwtKeyLost(path: String) -> Event {
        Event(.jwtKeyLost, "\(path) has gone: JWT-SVIDs are signed with another key", [.reason: "\(path) has gone"])
    }

    public static func jwtKeysFailed(reason: String) -> Event {
        Event(.jwtKeysFailed, "the keys for JWT-SVIDs could not be looked after: \(reason)", [.reason: reason])
    }
}
