/// CAs are named by the SHA-256 of their certificates, lower-case hexadecimal.
extension Event {
    public static func caPrepared(fingerprint: String, notAfter: Int64) -> Event {
        Event(
            .caPrepared, "CA \(fingerprint) was made and is trusted; it signs later",
            [.fingerprints: fingerprint, .notAfter: "\(notAfter)"])
    }

    public static func caActivated(fingerprint: String) -> Event {
        Event(.caActivated, "CA \(fingerprint) signs from now on", [.fingerprints: fingerprint])
    }

    public static func caTainted(fingerprint: String) -> Event {
        Event(.caTainted, "all that CA \(fingerprint) issued is being replaced", [.fingerprints: fingerprint])
    }

    public static func caRevoked(fingerprint: String) -> Event {
        Event(.caRevoked, "CA \(fingerprint) is trusted no more", [.fingerprints: fingerprint])
    }

    public static func caRemoved(fingerprint: String) -> Event {
        Event(.caRemoved, "CA \(fingerprint) has ended and is gone", [.fingerprints: fingerprint])
    }

    public static func caSuccessionFailed(reason: String) -> Event {
        Event(.caSuccessionFailed, "the CAs could not be led on: \(reason)", [.reason: reason])
    }
}
