/// Events of the Broker API.
extension Event {
    /// - Parameter count: of brokers.
    public static func brokersListening(address: String, count: Int) -> Event {
        Event(
            .brokersListening, "\(count) brokers may connect at \(address)", [.address: address, .count: "\(count)"])
    }

    /// - Parameter peer: an address, or whom it has shown itself to be.
    public static func brokerRefused(peer: String, reason: String) -> Event {
        Event(
            .brokerRefused, "a connection to the Broker API from \(peer) was refused: \(reason)",
            [.address: peer, .reason: reason])
    }

    public static func brokerDenied(spiffeID: String, reason: String) -> Event {
        Event(
            .brokerDenied, "broker \(spiffeID) was refused a call: \(reason)", [.spiffeID: spiffeID, .reason: reason])
    }

    public static func brokerEnded(spiffeID: String, reason: String) -> Event {
        Event(
            .brokerEnded, "a connection of broker \(spiffeID) was ended: \(reason)",
            [.spiffeID: spiffeID, .reason: reason])
    }

    /// - Parameters:
    ///   - identities: as whom it may act from now on; none where it was told whom to trust.
    ///   - call: the name of the method.
    public static func brokerServed(
        spiffeID: String, workload: String, identities: [String], call: String
    ) -> Event {
        let named = identities.prefix(mostIdentities).joined(separator: ", ")
        let rest = identities.count > mostIdentities ? " and \(identities.count - mostIdentities) more" : ""
        let subject = identities.isEmpty ? workload : "\(workload) as \(named)\(rest)"
        return Event(
            .brokerServed, "broker \(spiffeID) acts for \(subject): \(call)",
            [.spiffeID: spiffeID, .subject: "\(call) for \(subject)"])
    }

    /// That one line names.
    private static let mostIdentities = 8
}
