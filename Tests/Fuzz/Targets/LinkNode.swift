internal import Addressing
internal import Crypto
internal import Identity
internal import KeyAgreement
internal import LinkTestSupport
internal import OpenSSLBinding

/// One of two nodes: its machine, and what the kernel would hold for it.
struct LinkNode {
    /// What the other node, or the connection between them, is to see.
    enum Effect {
        case dial(ConnectionID)
        case send(ConnectionID, LinkMessage)
        case close(ConnectionID)
    }

    let svid: KeyedSVID
    var world: LinkWorld
    private(set) var peer: LinkPeer
    private(set) var inbound: [SPI: InboundSA] = [:]
    private(set) var outbound: [NumericIdentity: OutboundSA] = [:]
    private(set) var bindings: [IPAddress: NumericIdentity] = [:]
    private var lastSPI: UInt32 = 255

    init(_ svid: KeyedSVID, bootID: UInt8, peer: Directory.Node, _ bundle: TrustBundle, _ now: LinkTime) {
        self.svid = svid
        world = LinkWorld(
            epoch: .seconds(60), preconnect: true, timing: LinkTiming(), entropy: .counted(from: bootID),
            bootID: Array(repeating: bootID, count: 16), bundle: bundle)
        self.peer = LinkPeer(peer, localID: svid.svid.id, now: now)
    }

    mutating func host(_ workloads: [HostedWorkload], at now: LinkTime) -> [Effect] {
        world.host(workloads, reachable: peer.canReachUs ? [peer.node.number] : [])
        return handle(.hostingChanged, at: now)
    }

    /// As the driver does: what an action leads to comes before all else.
    mutating func handle(_ input: LinkInput, at now: LinkTime) -> [Effect] {
        var queue = [input]
        var effects: [Effect] = []
        while !queue.isEmpty {
            var results: [LinkInput] = []
            for action in peer.handle(queue.removeFirst(), at: now, in: &world) {
                perform(action, &results, &effects)
            }
            queue = results + queue
        }
        return effects
    }

    private mutating func perform(_ action: LinkAction, _ results: inout [LinkInput], _ effects: inout [Effect]) {
        switch action {
        case .dial(let id, _, _, _): effects.append(.dial(id))
        case .send(let id, let message): effects.append(.send(id, message))
        case .close(let id, _): effects.append(.close(id))
        case .reserveInbound(let pending):
            lastSPI += 1
            results.append(.reserved(pending, SPI(rawValue: lastSPI)))
        case .installInbound(let sa, let addresses, let pending):
            inbound[sa.spi] = sa
            bind(addresses, to: sa.identity)
            results.append(.installedInbound(pending, sa, succeeded: true))
        case .installOutbound(let sa, let pending):
            outbound[sa.identity] = sa
            results.append(.installedOutbound(pending, sa, succeeded: true))
        case .retireInbound(let spi): inbound[spi] = nil
        case .retireOutbound(let identity): outbound[identity] = nil
        case .bind(let binding):
            bind(binding.addresses, to: binding.identity)
            results.append(.bound(binding, succeeded: true))
        case .unbind(let identity, let addresses):
            for address in addresses where bindings[address] == identity { bindings[address] = nil }
            results.append(.unbound(identity, addresses))
        case .setPeer: results.append(.placed(succeeded: true))
        case .extend, .removePeer, .probe, .report: break
        }
    }

    private mutating func bind(_ addresses: [IPAddress], to identity: NumericIdentity) {
        for address in addresses {
            precondition(bindings[address] == nil || bindings[address] == identity, "an address of another identity")
            bindings[address] = identity
        }
    }
}

extension Entropy {
    /// The same in every run, so that an input leads to the same end; ML-KEM alone is as it is.
    fileprivate static func counted(from seed: UInt8) -> Entropy {
        let counter = Counter(seed)
        return Entropy(
            bytes: { count in Array(counter.next(count)) },
            encapsulate: { key in
                guard let result = try? MLKEM768.PublicKey(rawRepresentation: key).encapsulate() else { return nil }
                let secret = unsafe result.sharedSecret.withUnsafeBytes { unsafe SecretBytes(Array($0)) }
                return EncapsulatedSecret(ciphertext: Array(result.encapsulated), secret: secret)
            })
    }
}

/// Never gives the same bytes twice. A fuzz target has one thread.
private final class Counter: @unchecked Sendable {
    private var count: UInt64

    init(_ seed: UInt8) { count = UInt64(seed) << 56 }

    func next(_ length: Int) -> [UInt8] {
        count += 1
        let block = SHA256Digest.hash((0..<8).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) })
        return (0..<length).map { block[$0 % block.count] ^ UInt8(truncatingIfNeeded: $0 / block.count) }
    }
}
