import Identity
import NIOCore
import NIOEmbedded
import OpenSSLBinding
import RandomTestSupport
import SecureTransport
import Testing

/// Whatever bytes arrive, whenever they arrive: an end waits for more or fails once and closes; it shows the application
/// nothing but what the peer sealed, and it is done when its time is up.
@Suite struct ArbitraryBytesTests {
    /// Where in the life of a connection the bytes arrive.
    enum Moment: CaseIterable {
        case clientBegins, serverBegins, serverHasHello, clientHasPartOfTheFlight, established, closing
    }

    /// What the bytes are made of.
    enum Source: CaseIterable {
        /// Bytes.
        case noise
        /// Records of every type and version, with lengths that hold or lie.
        case records
        /// Handshake messages in a clear record.
        case messages
        /// What the peer really sent, cut, doubled, swapped and changed.
        case mutated
    }

    private let domain: TestDomain
    private let a: KeyedSVID
    private let b: KeyedSVID

    init() throws {
        domain = try TestDomain()
        a = try domain.node("a")
        b = try domain.node("b")
    }

    @Test(arguments: Moment.allCases, Source.allCases)
    func areSurvived(moment: Moment, source: Source) throws {
        for seed in 0..<40 {
            var random = SplitMix(seed: UInt64(seed))
            let loop = EmbeddedEventLoop()
            let (victim, peer, genuine) = try bring(to: moment, loop, &random)
            let bytes = Self.bytes(source, genuine, &random)
            victim.give(bytes, chunk: [1, 7, 100, .max][Int.random(in: 0..<4, using: &random)])
            try check(victim, peer, "\(moment) \(source) seed \(seed)")
            loop.advanceTime(by: SecureTransportLimits.handshakeTimeout + .seconds(3))
            let isWaiting = moment == .established && victim.error == nil
            #expect(victim.channel.isActive == isWaiting, "\(moment) \(source) seed \(seed)")
            try check(victim, peer, "\(moment) \(source) seed \(seed), later")
            // Nothing wakes up what has ended.
            let (errors, received) = (victim.recorder.errors, victim.recorder.received)
            guard !isWaiting else { continue }
            victim.give(genuine + bytes)
            #expect(victim.recorder.errors == errors && victim.recorder.received == received)
        }
    }

    private static let secret: [UInt8] = Array("what the peer sealed".utf8)

    /// The end under test, its peer, and bytes that the peer really has for it.
    private func bring(
        to moment: Moment, _ loop: EmbeddedEventLoop, _ random: inout SplitMix
    ) throws -> (victim: End, peer: End, genuine: [UInt8]) {
        let client = try End(.client, domain.identity(a), .node(exactly: nil), loop: loop)
        let server = try End(.server, domain.identity(b), .node(exactly: nil), loop: loop)
        let hello = try client.takeOutput()
        switch moment {
        case .serverBegins: return (server, client, hello)
        case .serverHasHello:
            server.give(hello)
            client.give(try server.takeOutput())
            return (server, client, try client.takeOutput())
        case .clientBegins, .clientHasPartOfTheFlight:
            server.give(hello)
            let flight = try server.takeOutput()
            guard moment == .clientHasPartOfTheFlight else { return (client, server, flight) }
            let cut = Int.random(in: 1..<flight.count, using: &random)
            client.give(Array(flight[..<cut]))
            return (client, server, Array(flight[cut...]))
        case .established, .closing:
            server.give(hello)
            try Link(client: client, server: server).run()
            try #require(client.outcome != nil && server.outcome != nil)
            client.send(Self.secret)
            let sealed = try client.takeOutput()
            if moment == .closing { server.channel.close(promise: nil) }
            return (server, client, sealed)
        }
    }

    private func check(_ victim: End, _ peer: End, _ what: String) throws {
        #expect(victim.recorder.errors.count <= 1, "\(what)")
        #expect(victim.recorder.outcomes.count <= 1, "\(what)")
        #expect(victim.error == nil || !victim.channel.isActive, "\(what)")
        #expect(Self.secret.starts(with: victim.recorder.received), "\(what)")
        if let outcome = victim.outcome { #expect(outcome.peer == peer.handler.outcome?.local?.svid, "\(what)") }
    }

    // MARK: Bytes

    private static func bytes(_ source: Source, _ genuine: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        switch source {
        case .noise: random.bytes(Int.random(in: 1...2000, using: &random))
        case .records: (0..<Int.random(in: 1...6, using: &random)).flatMap { _ in record(&random) }
        case .messages: message(&random)
        case .mutated: mutated(genuine, &random)
        }
    }

    private static func record(_ random: inout SplitMix) -> [UInt8] {
        let type = [0, 20, 21, 22, 23, 24, 255][Int.random(in: 0..<7, using: &random)] as UInt8
        let version =
            [[3, 1], [3, 3], [3, 4], [0, 0], [255, 255]][Int.random(in: 0..<5, using: &random)] as [UInt8]
        let body = random.bytes(Int.random(in: 0...600, using: &random))
        let honest = Bool.random(using: &random)
        let length = honest ? UInt16(body.count) : UInt16.random(in: 0 ... .max, using: &random)
        return [type] + version + [UInt8(length >> 8), UInt8(length & 0xff)] + body
    }

    /// A handshake message (RFC 8446 section 4) of any type in a record that frames it rightly.
    private static func message(_ random: inout SplitMix) -> [UInt8] {
        let body = random.bytes(Int.random(in: 0...1200, using: &random))
        let honest = Bool.random(using: &random)
        let length = honest ? UInt32(body.count) : UInt32.random(in: 0...0xff_ffff, using: &random)
        let type = [0, 1, 2, 4, 5, 8, 11, 13, 15, 20, 24, 254][Int.random(in: 0..<12, using: &random)] as UInt8
        let message = [type] + [16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + body
        return [22, 3, 3, UInt8(message.count >> 8), UInt8(message.count & 0xff)] + message
    }

    private static func mutated(_ genuine: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var bytes = genuine
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            let end = Int.random(in: place...min(place + 64, bytes.count), using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes.removeSubrange(place..<end)
            case 2: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 3: bytes.insert(contentsOf: random.bytes(end - place), at: place)
            default: bytes = Array(bytes[place...] + bytes[..<place])
            }
        }
        return bytes == genuine ? bytes + [0] : bytes
    }
}
