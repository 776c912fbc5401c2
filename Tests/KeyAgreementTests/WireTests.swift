import Addressing
import Identity
import LinkTestSupport
import Testing

@testable import KeyAgreement

/// Messages to bytes and back, and every limit on what a peer may send.
@Suite struct WireTests {
    private static let nonce = [UInt8](repeating: 7, count: 32)

    private static let messages: [LinkMessage] = [
        .hello(Hello(node: NodeNumber(rawValue: 9), bootID: Array(repeating: 1, count: 16))),
        .kemOffer(Array(repeating: 1, count: 1184)), .kemAnswer(Array(repeating: 2, count: 1088)),
        .confirm(Array(repeating: 3, count: 48)),
        .announce(
            Announce(
                id: 1, chain: [[1, 2, 3], [4]], addresses: ["10.0.0.1", "fd00::1"], nonce: nonce, signature: [9])),
        .accept(Acceptance(id: 1, spi: .lowest, nonce: nonce)),
        .refuse(Refusal(id: 1, generation: 2, reason: .noRoom, addresses: [])),
        .addresses(AddressUpdate(id: .max, generation: .max, addresses: [], signature: [])),
        .renew(Renewal(id: 1, generation: 1, chain: [[1]], signature: [1, 2])),
        .acknowledge(id: 1, generation: 3), .withdraw(id: 1), .withdrawn(id: 1), .switched(id: 1, spi: .lowest),
        .complete, .completed, .ping(.max), .pong(0), .close(.shutdown),
    ]

    @Test(arguments: messages) func everyMessageComesBack(_ message: LinkMessage) throws {
        var decoder = FrameDecoder()
        decoder.append(message.frame)
        #expect(try decoder.next() == message)
        #expect(try decoder.next() == nil)
    }

    @Test func typesAreDistinct() {
        #expect(Set(Self.messages.map(\.type)).count == Self.messages.count)
    }

    /// No byte less and no byte more is a message.
    @Test(arguments: messages) func lengthsAreExact(_ message: LinkMessage) {
        let content = message.frame[4...]
        for count in 0..<content.count where count < 200 || count > content.count - 200 {
            #expect(throws: WireError.self) { try LinkMessage(content: content.prefix(count)) }
        }
        #expect(throws: WireError.trailingBytes(1)) { try LinkMessage(content: content + [0]) }
    }

    /// Damaged bytes are refused or are another message; nothing traps, and what is read is written the same.
    @Test(arguments: messages) func damageIsHarmless(_ message: LinkMessage) {
        let content = Array(message.frame[4...])
        for _ in 0..<300 {
            var damaged = content
            for _ in 0..<Int.random(in: 1...4) { damaged[Int.random(in: damaged.indices)] = .random(in: 0...255) }
            guard let read = try? LinkMessage(content: damaged[...]) else { continue }
            #expect(Array(read.frame[4...]) == damaged)
        }
    }

    @Test func streamsMayBeCutAnywhere() throws {
        let stream = Self.messages.flatMap(\.frame)
        for step in [1, 2, 3, 7, 1000, stream.count] {
            var decoder = FrameDecoder()
            var read: [LinkMessage] = []
            for start in stride(from: 0, to: stream.count, by: step) {
                decoder.append(stream[start..<min(start + step, stream.count)])
                while let message = try decoder.next() { read.append(message) }
            }
            #expect(read == Self.messages)
        }
    }

    @Test func unknownTypes() throws {
        var decoder = FrameDecoder()
        decoder.append([0, 0, 0, 3, 0x80, 1, 2] + LinkMessage.complete.frame)
        #expect(try decoder.next() == .complete)
        #expect(throws: WireError.unknownType(5)) { try LinkMessage(content: [5]) }
        #expect(throws: WireError.unknownType(0)) { try LinkMessage(content: [0]) }
        #expect(throws: WireError.emptyFrame) { try LinkMessage(content: []) }
    }

    // MARK: Limits

    private static func u16(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }
    private static func field(_ count: Int) -> [UInt8] { u16(count) + Array(repeating: 0, count: count) }
    private static func many(_ count: Int, _ item: [UInt8]) -> [UInt8] {
        u16(count) + (0..<count).flatMap { _ in item }
    }
    private static func announce(
        chain: [UInt8] = many(1, field(1)), addresses: [UInt8] = many(1, Array(repeating: 1, count: 16)),
        signature: [UInt8] = field(1)
    ) -> [UInt8] {
        [16, 0, 0, 0, 1] + chain + addresses + nonce + signature
    }
    private static func hello(_ minimum: UInt8, _ maximum: UInt8, suites: Int = 1, modes: Int = 1) -> [UInt8] {
        [1, minimum, maximum] + many(suites, [0, 1]) + many(modes, [1]) + Array(repeating: 0, count: 28)
    }

    struct Limit: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let within: [UInt8]
        let beyond: [UInt8]
        let error: WireError

        init(_ name: String, _ within: [UInt8], _ beyond: [UInt8], _ error: WireError) {
            testDescription = name
            self.within = within
            self.beyond = beyond
            self.error = error
        }
    }

    private static let limits = [
        Limit(
            "certificates", announce(chain: many(8, field(1))), announce(chain: many(9, field(1))),
            .tooMany(9, limit: 8)),
        Limit(
            "certificate", announce(chain: many(1, field(16384))), announce(chain: many(1, field(16385))),
            .tooLong(16385, limit: 16384)),
        Limit(
            "chain", announce(chain: many(2, field(16384))),
            announce(chain: u16(3) + field(16384) + field(16384) + field(1)),
            .tooLong(32769, limit: 32768)),
        Limit(
            "addresses", announce(addresses: many(1024, Array(repeating: 1, count: 16))),
            announce(addresses: many(1025, Array(repeating: 1, count: 16))), .tooMany(1025, limit: 1024)),
        Limit(
            "signature", announce(signature: field(1024)), announce(signature: field(1025)),
            .tooLong(1025, limit: 1024)),
        Limit("suites", hello(1, 1, suites: 16), hello(1, 1, suites: 17), .tooMany(17, limit: 16)),
        Limit("modes", hello(1, 1, modes: 16), hello(1, 1, modes: 17), .tooMany(17, limit: 16)),
        Limit("versions", hello(1, 255), hello(2, 1), .badValue("version range")),
        Limit("version 0", hello(1, 1), hello(0, 1), .badValue("version range")),
        Limit(
            "SPI", [24, 0, 0, 0, 1, 0, 0, 1, 0], [24, 0, 0, 0, 1, 0, 0, 0, 255], .badValue("SPI")),
        Limit(
            "refusal reason", [18, 0, 0, 0, 1, 0, 0, 0, 0, 18, 0, 0], [18, 0, 0, 0, 1, 0, 0, 0, 0, 19, 0, 0],
            .badValue("refusal reason")),
        Limit("close reason", [34, 11], [34, 12], .badValue("close reason")),
    ]

    @Test(arguments: limits) func limitsHold(_ limit: Limit) throws {
        #expect(try LinkMessage(content: limit.within[...]) != nil)
        #expect(throws: limit.error) { try LinkMessage(content: limit.beyond[...]) }
    }

    @Test func framesAreLimited() throws {
        var decoder = FrameDecoder()
        decoder.append([0, 1, 0, 0, 0x80] + Array(repeating: 0, count: 65535) + LinkMessage.complete.frame)
        #expect(try decoder.next() == .complete)
        // Refused by its length alone: nothing is gathered first.
        decoder.append([0, 1, 0, 1])
        #expect(throws: WireError.frameTooLong(65537)) { try decoder.next() }
        var huge = FrameDecoder()
        huge.append([255, 255, 255, 255])
        #expect(throws: WireError.frameTooLong(Int(UInt32.max))) { try huge.next() }
    }
}
