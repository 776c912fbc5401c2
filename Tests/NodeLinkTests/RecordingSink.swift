import Addressing
import Identity
import KeyAgreement
import NodeLink
import OpenSSLBinding
import Synchronization

/// A kernel side that remembers what it was told, and refuses what the real one would.
final class RecordingSink: SecurityAssociationSink {
    struct Flow: Hashable {
        let peer: NodeNumber
        let identity: NumericIdentity
    }

    struct Failure: Error { let what: String }

    struct State {
        var reserved: [SPI: Flow] = [:]
        var inbound: [SPI: InboundSA] = [:]
        var staged: [SPI: OutboundSA] = [:]
        var outbound: [Flow: OutboundSA] = [:]
        var bindings: [IPAddress: Flow] = [:]
        var peers: [NodeNumber: IPAddress] = [:]
        var lastSPI: UInt32
        /// How often an SA was activated.
        var switches = 0
        var removals = Removals.done
    }

    enum Removals {
        case done
        /// The next ones are to take their time.
        case toBeHeld
        case held
    }

    private let state: Mutex<State>

    init(firstSPI: UInt32) { state = Mutex(State(lastSPI: firstSPI)) }

    var snapshot: State { state.withLock { $0 } }

    private func change<Value: Sendable>(_ body: (inout State) throws -> Value) throws -> Value {
        try state.withLock { state throws in try body(&state) }
    }

    func reserveInbound(peer: NodeNumber, identity: NumericIdentity) async throws -> SPI {
        try change { state in
            state.lastSPI += 1
            state.reserved[SPI(rawValue: state.lastSPI)] = Flow(peer: peer, identity: identity)
            return SPI(rawValue: state.lastSPI)
        }
    }

    func installInbound(_ sa: InboundSA) async throws {
        try change { state in
            guard state.reserved.removeValue(forKey: sa.spi) == Flow(peer: sa.peer, identity: sa.identity) else {
                throw Failure(what: "not reserved")
            }
            state.inbound[sa.spi] = sa
        }
    }

    func installOutbound(_ sa: OutboundSA) async throws {
        try change { $0.staged[sa.spi] = sa }
    }

    func activateOutbound(spi: SPI, peer: NodeNumber, identity: NumericIdentity) async throws {
        try change { state in
            guard let sa = state.staged.removeValue(forKey: spi) else { throw Failure(what: "not installed") }
            state.outbound[Flow(peer: peer, identity: identity)] = sa
            state.switches += 1
        }
    }

    func extend(spi: SPI, direction: SADirection, peer: NodeNumber, deadline: BootNanoseconds) async throws {
        try change { state in
            let isKnown =
                direction == .inbound
                ? state.inbound[spi] != nil : state.outbound.contains { $0.key.peer == peer && $0.value.spi == spi }
            guard isKnown else { throw Failure(what: "unknown SPI") }
        }
    }

    func retireInbound(spi: SPI) async throws {
        try change { state in
            state.inbound[spi] = nil
            state.reserved[spi] = nil
        }
    }

    func retireOutbound(peer: NodeNumber, identity: NumericIdentity) async throws {
        try change { $0.outbound[Flow(peer: peer, identity: identity)] = nil }
    }

    func bind(peer: NodeNumber, identity: NumericIdentity, addresses: [IPAddress]) async throws {
        try change { state in
            let flow = Flow(peer: peer, identity: identity)
            for address in addresses {
                guard state.bindings[address] == nil || state.bindings[address] == flow else {
                    throw Failure(what: "\(address) is held")
                }
                state.bindings[address] = flow
            }
        }
    }

    func unbind(peer: NodeNumber, identity: NumericIdentity, addresses: [IPAddress]) async throws {
        try change { state in
            for address in addresses where state.bindings[address] == Flow(peer: peer, identity: identity) {
                state.bindings[address] = nil
            }
        }
    }

    func setPeer(_ node: NodeNumber, address: IPAddress, espPort: UInt16) async throws {
        try change { $0.peers[node] = address }
    }

    func holdRemovals() { state.withLock { $0.removals = .toBeHeld } }

    func releaseRemovals() { state.withLock { $0.removals = .done } }

    func removePeer(_ node: NodeNumber) async throws {
        state.withLock { if $0.removals == .toBeHeld { $0.removals = .held } }
        while snapshot.removals == .held { try await Task.sleep(for: .milliseconds(10)) }
        try change { $0.peers[node] = nil }
    }

    func hasReceived(spi: SPI) async -> Bool { false }

    func adopted() async -> [AdoptedSA] {
        let state = snapshot
        let inbound = state.inbound.values.map { sa in
            AdoptedSA(
                spi: sa.spi, direction: .inbound, peer: sa.peer, identity: sa.identity, deadline: sa.deadline,
                addresses: state.bindings.filter { $0.value == Flow(peer: sa.peer, identity: sa.identity) }.map(\.key))
        }
        let outbound = state.outbound.values.map {
            AdoptedSA(spi: $0.spi, direction: .outbound, peer: $0.peer, identity: $0.identity, deadline: $0.deadline)
        }
        return inbound + outbound
    }
}

extension RecordingSink.State {
    func inbound(from peer: UInt32, _ identity: UInt32) -> [InboundSA] {
        inbound.values.filter { $0.peer.rawValue == peer && $0.identity.rawValue == identity }
    }

    func outbound(to peer: UInt32, _ identity: UInt32) -> OutboundSA? {
        outbound[.init(peer: NodeNumber(rawValue: peer), identity: NumericIdentity(rawValue: identity))]
    }

    func addresses(from peer: UInt32, _ identity: UInt32) -> [IPAddress] {
        let flow = RecordingSink.Flow(
            peer: NodeNumber(rawValue: peer), identity: NumericIdentity(rawValue: identity))
        return bindings.filter { $0.value == flow }.keys.sorted()
    }
}
