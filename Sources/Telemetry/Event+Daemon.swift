/// Events of the daemon as a whole.
extension Event {
    public static func started(version: String, role: String, trustDomain: String, process: Int32) -> Event {
        Event(
            .started, "podshield-idd \(version) starts as \(role) of \(trustDomain), process \(process)",
            [.version: version, .role: role, .trustDomain: trustDomain])
    }

    public static func ready(role: String) -> Event { Event(.ready, "ready as \(role)", [.role: role]) }

    public static func stopping(reason: String) -> Event {
        Event(.stopping, "stops: \(reason); the datapath stays in force", [.reason: reason])
    }

    /// - Parameter changes: keys of the configuration whose values changed.
    public static func reloaded(changes: [String]) -> Event {
        let what = changes.isEmpty ? "nothing changed" : changes.joined(separator: ", ")
        return Event(.reloaded, "the configuration was reloaded: \(what)")
    }

    /// The old configuration stays in use.
    public static func reloadRefused(reason: String) -> Event {
        Event(.reloadRefused, "the new configuration is not used: \(reason)", [.reason: reason])
    }

    public static func componentFailed(_ component: String, reason: String) -> Event {
        Event(.componentFailed, "\(component) failed: \(reason)", [.component: component, .reason: reason])
    }

    public static let permissive = Event(
        .permissive, "permissive is set: packets to unknown destinations inside the protected prefixes leave in clear")

    public static let machineCopied = Event(
        .machineCopied,
        "this machine was restored or cloned: its keys for other nodes are given up, and the daemon starts anew")

    public static func keyMemoryNotLocked(reason: String) -> Event {
        Event(.keyMemoryNotLocked, "private keys may be swapped out or end in a core: \(reason)", [.reason: reason])
    }

    public static func keyReleased(pod: String, namespace: String, spiffeID: String, user: UInt32) -> Event {
        Event(
            .keyReleased, "the private key of pod \(namespace)/\(pod) was given to user \(user)",
            [.pod: pod, .namespace: namespace, .spiffeID: spiffeID, .user: "\(user)"])
    }

    public static func adminRefused(user: UInt32) -> Event {
        Event(.adminRefused, "user \(user) may not use the admin socket", [.user: "\(user)"])
    }

    /// - Parameter most: connections at once.
    public static func adminCrowded(most: Int) -> Event {
        Event(
            .adminCrowded, "a connection to the admin socket was closed: there are \(most) already",
            [.count: "\(most)"])
    }

    /// - Parameters:
    ///   - kind: of the events that were left out.
    ///   - peer: the node that caused them; nil for others.
    public static func reportsLeftOut(_ count: UInt64, about kind: EventKind, peer: String?) -> Event {
        Event(
            .reportsLeftOut,
            "\(count) more of \(kind.rawValue) (\(kind.code))\(peer.map { ", caused by node \($0)," } ?? "") were left out",
            [.count: "\(count)", .reason: kind.rawValue, .peer: peer ?? ""])
    }

    public static func observationGap(lost: UInt64) -> Event {
        Event(.observationGap, "\(lost) events were not shown: the reader is too slow", [.count: "\(lost)"])
    }

    public static func reportsLost(_ count: UInt64) -> Event {
        Event(.reportsLost, "\(count) events were not written: the journal is too slow", [.count: "\(count)"])
    }
}
