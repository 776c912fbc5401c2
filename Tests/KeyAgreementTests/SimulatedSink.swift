import Addressing
import Identity
import OpenSSLBinding

@testable import KeyAgreement

/// The kernel side of one simulated node: what it would hold after each call.
struct SimulatedSink {
    struct Flow: Hashable {
        let peer: NodeNumber
        let identity: NumericIdentity
    }

    var reserved: [SPI: Flow] = [:]
    var inbound: [SPI: InboundSA] = [:]
    var outbound: [Flow: OutboundSA] = [:]
    var bindings: [IPAddress: Flow] = [:]
    var inboundDeadlines: [SPI: BootNanoseconds] = [:]
    var outboundDeadlines: [Flow: BootNanoseconds] = [:]
    var peers: Set<NodeNumber> = []
    var heard: Set<SPI> = []
    /// Calls that fail.
    var isFull = false
    var refusesBinding = false
    var refusesOutbound = false
    var hasNoRoute = false
    private var lastSPI: UInt32 = 1000

    mutating func reserve(_ flow: Flow) -> SPI? {
        guard !isFull else { return nil }
        lastSPI += 1
        reserved[SPI(rawValue: lastSPI)] = flow
        return SPI(rawValue: lastSPI)
    }

    mutating func install(_ sa: InboundSA, binding addresses: [IPAddress]) -> Bool {
        let flow = Flow(peer: sa.peer, identity: sa.identity)
        guard reserved.removeValue(forKey: sa.spi) == flow, bind(addresses, to: flow) else { return false }
        inbound[sa.spi] = sa
        inboundDeadlines[sa.spi] = sa.deadline
        return true
    }

    mutating func install(_ sa: OutboundSA) -> Bool {
        guard !refusesOutbound else { return false }
        let flow = Flow(peer: sa.peer, identity: sa.identity)
        outbound[flow] = sa
        outboundDeadlines[flow] = sa.deadline
        return true
    }

    mutating func bind(_ addresses: [IPAddress], to flow: Flow) -> Bool {
        guard !refusesBinding, addresses.allSatisfy({ bindings[$0] == nil || bindings[$0] == flow }) else {
            return false
        }
        for address in addresses { bindings[address] = flow }
        return true
    }

    mutating func unbind(_ addresses: [IPAddress], of flow: Flow) {
        for address in addresses where bindings[address] == flow { bindings[address] = nil }
    }

    mutating func retire(_ spi: SPI) {
        reserved[spi] = nil
        inbound[spi] = nil
        inboundDeadlines[spi] = nil
    }

    func addresses(of flow: Flow) -> [IPAddress] { bindings.filter { $0.value == flow }.keys.sorted() }

    /// As a new run of the daemon would find it.
    func adopted(inUse: (SPI) -> Bool) -> [AdoptedSA] {
        inbound.values.map {
            AdoptedSA(
                spi: $0.spi, direction: .inbound, peer: $0.peer, identity: $0.identity, deadline: $0.deadline,
                addresses: addresses(of: Flow(peer: $0.peer, identity: $0.identity)), lastUsed: inUse($0.spi) ? 1 : nil)
        }
            + outbound.values.map {
                AdoptedSA(
                    spi: $0.spi, direction: .outbound, peer: $0.peer, identity: $0.identity, deadline: $0.deadline)
            }
    }
}

extension SecretBytes {
    var copy: [UInt8] { unsafe withUnsafeBytes { unsafe Array($0) } }
}
