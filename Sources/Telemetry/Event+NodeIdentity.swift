/// Events of the node's identities. Times are Unix seconds.
extension Event {
    public static func nodeJoined(spiffeID: String, number: UInt32) -> Event {
        Event(
            .nodeJoined, "joined as \(spiffeID), number \(number)",
            [.spiffeID: spiffeID, .nodeNumber: "\(number)"])
    }

    public static func nodeIdentityExpired(notAfter: Int64) -> Event {
        Event(
            .nodeIdentityExpired, "the node's SVID has expired; it must join again with a new token",
            [.notAfter: "\(notAfter)"])
    }

    public static func authorityConnected(address: String) -> Event {
        Event(.authorityConnected, "connected to the authority at \(address)", [.address: address])
    }

    public static func authorityDisconnected(reason: String) -> Event {
        Event(.authorityDisconnected, "no connection to the authority: \(reason)", [.reason: reason])
    }

    public static func nodeShutOut(reason: String) -> Event {
        Event(
            .nodeShutOut,
            "the authority no longer takes this node for one of its own, packets of its pods drop: \(reason)",
            [.reason: reason])
    }

    public static func nodeLetIn() -> Event {
        Event(.nodeLetIn, "the authority takes this node for one of its own again")
    }

    public static func nodeSVIDRenewed(spiffeID: String, serial: String, notAfter: Int64) -> Event {
        Event(
            .nodeSVIDRenewed, "the node's SVID was renewed, serial \(serial)",
            [.spiffeID: spiffeID, .serial: serial, .notAfter: "\(notAfter)"])
    }

    public static func nodeSVIDRenewalFailed(reason: String, notAfter: Int64) -> Event {
        Event(
            .nodeSVIDRenewalFailed, "the node's SVID was not renewed: \(reason)",
            [.reason: reason, .notAfter: "\(notAfter)"])
    }

    public static func podSVIDReceived(
        pod: String, namespace: String, spiffeID: String, identity: UInt32, serial: String, notAfter: Int64
    ) -> Event {
        Event(
            .podSVIDReceived, "pod \(namespace)/\(pod) is \(spiffeID), identity \(identity), serial \(serial)",
            [
                .pod: pod, .namespace: namespace, .spiffeID: spiffeID, .identity: "\(identity)", .serial: serial,
                .notAfter: "\(notAfter)",
            ])
    }

    /// - Parameters:
    ///   - number: of the list.
    ///   - count: of certificates on it.
    public static func revocationsChanged(number: UInt64, count: Int) -> Event {
        Event(
            .revocationsChanged, "revocation list \(number) has \(count) certificates",
            [.revision: "\(number)", .count: "\(count)"])
    }

    public static func podSVIDRevoked(pod: String, namespace: String, spiffeID: String, serial: String) -> Event {
        Event(
            .podSVIDRevoked, "the SVID of pod \(namespace)/\(pod) was revoked: \(spiffeID), serial \(serial)",
            [.pod: pod, .namespace: namespace, .spiffeID: spiffeID, .serial: serial])
    }

    public static func podSVIDRenewalFailed(
        pod: String, namespace: String, reason: String, notAfter: Int64
    ) -> Event {
        Event(
            .podSVIDRenewalFailed, "the SVID of pod \(namespace)/\(pod) was not renewed: \(reason)",
            [.pod: pod, .namespace: namespace, .reason: reason, .notAfter: "\(notAfter)"])
    }

    public static func directoryAccepted(revision: UInt64) -> Event {
        Event(.directoryAccepted, "directory revision \(revision) is in use", [.revision: "\(revision)"])
    }

    public static func directoryRefused(reason: String) -> Event {
        Event(
            .directoryRefused, "a directory was refused, the one before stays in use: \(reason)", [.reason: reason])
    }

    /// - Parameter fingerprints: SHA-256 of each root, hexadecimal.
    public static func bundleChanged(fingerprints: [String]) -> Event {
        let list = fingerprints.joined(separator: ", ")
        return Event(.bundleChanged, "the trust bundle has new roots: \(list)", [.fingerprints: list])
    }

    public static func ownLeasesRefused(prefixes: [String]) -> Event {
        let list = prefixes.joined(separator: ", ")
        return Event(
            .ownLeasesRefused, "the authority does not let this node have \(list)", [.prefixes: list])
    }

    /// It was deleted.
    public static func stateNotUsed(path: String, reason: String) -> Event {
        Event(
            .stateNotUsed, "\(path) of an earlier run is of no use and was deleted: \(reason)", [.reason: reason])
    }

    public static func stateNotSaved(reason: String) -> Event {
        Event(.stateNotSaved, "state was not saved and will be missing after a restart: \(reason)", [.reason: reason])
    }

    /// - Parameter seconds: by which this machine's clock is ahead; negative when it is behind.
    public static func clockSkewed(seconds: Int64) -> Event {
        let direction = seconds < 0 ? "behind" : "ahead of"
        return Event(
            .clockSkewed, "this machine's clock is \(seconds.magnitude) s \(direction) the authority's",
            [.count: "\(seconds)"])
    }
}
