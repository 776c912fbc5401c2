/// Events of the Workload API. Times are Unix seconds.
extension Event {
    /// - Parameter entry: its ID.
    public static func workloadSVIDReceived(entry: String, spiffeID: String, serial: String, notAfter: Int64) -> Event {
        Event(
            .workloadSVIDReceived, "there is an SVID of \(spiffeID) for entry \(entry), serial \(serial)",
            [.entry: entry, .spiffeID: spiffeID, .serial: serial, .notAfter: "\(notAfter)"])
    }

    /// - Parameter entry: its ID.
    public static func workloadSVIDFailed(entry: String, spiffeID: String, reason: String) -> Event {
        Event(
            .workloadSVIDFailed, "there is no new SVID of \(spiffeID) for entry \(entry): \(reason)",
            [.entry: entry, .spiffeID: spiffeID, .reason: reason])
    }

    /// - Parameter source: whose they are, such as `user 1000`.
    public static func workloadRefused(source: String) -> Event {
        Event(
            .workloadRefused,
            "\(source) has too many connections or calls at the Workload API; some are closed unheard",
            [.reason: source])
    }

    /// - Parameters:
    ///   - source: who rejects it, such as `user 1000`.
    ///   - reason: in the Envoy's own words.
    public static func secretRejected(source: String, reason: String) -> Event {
        Event(.secretRejected, "an Envoy of \(source) does not take its secrets: \(reason)", [.reason: reason])
    }

    public static func containerRuntimeAway(socket: String, reason: String) -> Event {
        Event(
            .containerRuntimeAway, "the container runtime at \(socket) does not say what a container is: \(reason)",
            [.address: socket, .reason: reason])
    }

    public static func containerRuntimeBack(socket: String) -> Event {
        Event(
            .containerRuntimeBack, "the container runtime at \(socket) has said what it was asked in vain",
            [.address: socket])
    }

    public static func listsWithheld(reason: String) -> Event {
        Event(.listsWithheld, "Envoys are not told what was revoked: \(reason)", [.reason: reason])
    }
}
