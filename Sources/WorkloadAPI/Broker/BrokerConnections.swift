internal import GRPCCore
internal import Identity
internal import Synchronization

/// The brokers that are connected, by the number of their connection, and how much each takes.
final class BrokerConnections: Sendable {
    private struct Connection {
        let svid: X509SVID
        let origin: Broker.Origin
        let close: @Sendable () -> Void
        /// What the SVID was last verified by.
        var bundle: TrustBundle
        var streams = 0
    }

    private struct State {
        var connections: [UInt64: Connection] = [:]
        var next: UInt64 = 1

        func count(of broker: SPIFFEID) -> Int { connections.values.count { $0.svid.id == broker } }
        func streams(of broker: SPIFFEID?) -> Int {
            connections.values.reduce(0) { $0 + (broker == nil || $1.svid.id == broker ? $1.streams : 0) }
        }
    }

    private let state = Mutex(State())
    private let limits: BrokerLimits
    private let identities: any WorkloadIdentities
    private let observe: @Sendable (BrokerEvent) -> Void

    init(
        _ limits: BrokerLimits, _ identities: any WorkloadIdentities,
        _ observe: @escaping @Sendable (BrokerEvent) -> Void
    ) {
        self.limits = limits
        self.identities = identities
        self.observe = observe
    }

    /// Seconds since 1970.
    var now: Int64 { identities.now() }
    var count: Int { state.withLock { $0.connections.count } }
    var streamCount: Int { state.withLock { $0.streams(of: nil) } }

    /// - Parameters:
    ///   - svid: was good when its certificate came, which another bundle may have been in force at: it is verified once more,
    ///     under the lock that a review takes, so that each change of the bundle is either seen here or reviews it.
    ///   - close: ends the connection; from any thread.
    /// - Returns: its number.
    func admit(
        _ svid: X509SVID, from origin: Broker.Origin, close: @escaping @Sendable () -> Void
    ) throws(BrokerRefusal) -> UInt64 {
        let result = state.withLock { state -> Result<UInt64, BrokerRefusal> in
            guard state.count(of: svid.id) < limits.connectionsPerBroker, state.connections.count < limits.connections
            else { return .failure(.tooMany) }
            let bundle = identities.bundle
            if let rejection = rejection(of: svid, by: bundle) { return .failure(.rejected(rejection)) }
            let number = state.next
            state.next += 1
            state.connections[number] = Connection(svid: svid, origin: origin, close: close, bundle: bundle)
            return .success(number)
        }
        return try result.get()
    }

    func remove(_ number: UInt64) { state.withLock { _ = $0.connections.removeValue(forKey: number) } }

    // MARK: Trust

    /// Who makes a call, if the SVID that was shown is still good.
    func broker(of metadata: Metadata) throws(Denial) -> Broker {
        guard let number = ConnectionStamp.number(of: metadata) else { throw .callerNotTrusted }
        return try broker(number)
    }

    func broker(_ number: UInt64) throws(Denial) -> Broker {
        guard let connection = state.withLock({ $0.connections[number] }), distrust(number, connection) == nil else {
            throw .callerNotTrusted
        }
        return Broker(id: connection.svid.id, origin: connection.origin, connection: number)
    }

    /// Closes the connections of which the SVID is not good any more.
    func review() {
        for (number, connection) in state.withLock({ $0.connections }) {
            guard let reason = distrust(number, connection) else { continue }
            remove(number)
            observe(.ended(connection.svid.id, reason: reason))
            connection.close()
        }
    }

    /// Why it is not good any more. A revocation, or a root that has gone, comes with another bundle.
    private func distrust(_ number: UInt64, _ connection: Connection) -> String? {
        let (bundle, now) = (identities.bundle, identities.now())
        guard connection.svid.notAfter > now else { return "its SVID has expired" }
        guard bundle != connection.bundle else { return nil }
        if let rejection = rejection(of: connection.svid, by: bundle) { return "\(rejection)" }
        state.withLock { $0.connections[number]?.bundle = bundle }
        return nil
    }

    private func rejection(of svid: X509SVID, by bundle: TrustBundle) -> SVIDRejection? {
        do throws(SVIDRejection) {
            _ = try SVIDVerifier(bundle: bundle).verify(issued: svid.chain, at: identities.now())
            return nil
        } catch {
            return error
        }
    }

    // MARK: Calls

    /// Counts a call until `leave`.
    func enter(_ broker: Broker) throws(Denial) {
        let isAdmitted = state.withLock { state in
            guard state.connections[broker.connection] != nil, state.streams(of: broker.id) < limits.streamsPerBroker,
                state.streams(of: nil) < limits.streams
            else { return false }
            state.connections[broker.connection]?.streams += 1
            return true
        }
        guard isAdmitted else { throw .crowded }
    }

    func leave(_ broker: Broker) { state.withLock { $0.connections[broker.connection]?.streams -= 1 } }
}

/// Why who has proved to be a broker is not let in.
enum BrokerRefusal: Error {
    case tooMany
    /// Its SVID is not good any more.
    case rejected(SVIDRejection)
}

extension BrokerRefusal: CustomStringConvertible {
    var description: String {
        switch self {
        case .tooMany: "it has too many connections, or all together have"
        case .rejected(let rejection): "its SVID has become invalid: \(rejection)"
        }
    }
}
