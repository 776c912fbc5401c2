/// All that two nodes say to each other on the node link.
public enum LinkMessage: Sendable, Equatable {
    case hello(Hello)
    /// ML-KEM-768 encapsulation key, from the TLS client.
    case kemOffer([UInt8])
    /// ML-KEM-768 ciphertext, from the TLS server.
    case kemAnswer([UInt8])
    case confirm([UInt8])

    case announce(Announce)
    case accept(Acceptance)
    case refuse(Refusal)
    case addresses(AddressUpdate)
    case renew(Renewal)
    /// An update of this generation is in force.
    case acknowledge(id: UInt32, generation: UInt32)
    /// The workload, or this announcement of it, has gone.
    case withdraw(id: UInt32)
    /// Nothing is sent to its addresses or taken from it any more.
    case withdrawn(id: UInt32)
    /// The sender of the announcement seals with this SA from now on.
    case switched(id: UInt32, spi: SPI)
    /// All that the sender hosts is announced on this connection; what it announced on earlier ones and not here is gone.
    case complete
    /// `complete` is in force.
    case completed

    case ping(UInt64)
    case pong(UInt64)
    case close(CloseReason)
}

/// Why an end closes a connection on purpose.
public enum CloseReason: UInt8, Sendable, CaseIterable {
    case shutdown = 1
    /// A newer connection has taken over.
    case superseded = 2
    /// Both ends dialled at once and the other connection stays.
    case crossed = 3
    case protocolError = 4
    case noCommonVersion = 5
    case noCommonSuite = 6
    case notInDirectory = 7
    case confirmationFailed = 8
    case idle = 9
    case notTrusted = 10
    case internalError = 11
}

extension LinkMessage {
    /// Types with this bit may be ignored by who does not know them; any other unknown type ends the connection.
    static let optionalBit: UInt8 = 0x80

    var type: UInt8 {
        switch self {
        case .hello: 1
        case .kemOffer: 2
        case .kemAnswer: 3
        case .confirm: 4
        case .announce: 16
        case .accept: 17
        case .refuse: 18
        case .addresses: 19
        case .renew: 20
        case .acknowledge: 21
        case .withdraw: 22
        case .withdrawn: 23
        case .switched: 24
        case .complete: 25
        case .completed: 26
        case .ping: 32
        case .pong: 33
        case .close: 34
        }
    }

    /// The whole frame: `length(u32) || type(u8) || body`, the length counting type and body.
    public var frame: [UInt8] {
        var fields = FieldWriter()
        write(to: &fields)
        return bigEndian(UInt32(fields.bytes.count + 1)) + [type] + fields.bytes
    }

    private func write(to fields: inout FieldWriter) {
        switch self {
        case .hello(let hello): hello.write(to: &fields)
        case .kemOffer(let bytes), .kemAnswer(let bytes), .confirm(let bytes): fields.fixed(bytes)
        case .announce(let announce): announce.write(to: &fields)
        case .accept(let acceptance): acceptance.write(to: &fields)
        case .refuse(let refusal): refusal.write(to: &fields)
        case .addresses(let update): update.write(to: &fields)
        case .renew(let renewal): renewal.write(to: &fields)
        case .acknowledge(let id, let generation):
            fields.integer(id)
            fields.integer(generation)
        case .withdraw(let id), .withdrawn(let id): fields.integer(id)
        case .switched(let id, let spi):
            fields.integer(id)
            fields.integer(spi.rawValue)
        case .complete, .completed: break
        case .ping(let token), .pong(let token): fields.integer(token)
        case .close(let reason): fields.integer(reason.rawValue)
        }
    }

    /// Decodes a frame's content, `type || body`; nil for a type that is not known and may be ignored. Every message has
    /// exactly one encoding.
    public init?(content: ArraySlice<UInt8>) throws(WireError) {
        guard let type = content.first else { throw .emptyFrame }
        var fields = FieldReader(content.dropFirst())
        guard let message = try Self.read(type, &fields) else {
            guard type & Self.optionalBit != 0 else { throw .unknownType(type) }
            return nil
        }
        try fields.finish()
        self = message
    }

    private static func read(_ type: UInt8, _ fields: inout FieldReader) throws(WireError) -> LinkMessage? {
        switch type {
        case 1: .hello(try Hello(from: &fields))
        case 2: .kemOffer(try fields.fixed(KeyEncapsulation.encapsulationKeyLength))
        case 3: .kemAnswer(try fields.fixed(KeyEncapsulation.ciphertextLength))
        case 4: .confirm(try fields.fixed(LinkLimits.confirmationBytes))
        case 16: .announce(try Announce(from: &fields))
        case 17: .accept(try Acceptance(from: &fields))
        case 18: .refuse(try Refusal(from: &fields))
        case 19: .addresses(try AddressUpdate(from: &fields))
        case 20: .renew(try Renewal(from: &fields))
        case 21: .acknowledge(id: try fields.integer(), generation: try fields.integer())
        case 22: .withdraw(id: try fields.integer())
        case 23: .withdrawn(id: try fields.integer())
        case 24: .switched(id: try fields.integer(), spi: try fields.spi())
        case 25: .complete
        case 26: .completed
        case 32: .ping(try fields.integer())
        case 33: .pong(try fields.integer())
        case 34: .close(try closeReason(&fields))
        default: nil
        }
    }

    private static func closeReason(_ fields: inout FieldReader) throws(WireError) -> CloseReason {
        guard let reason = CloseReason(rawValue: try fields.integer()) else { throw .badValue("close reason") }
        return reason
    }
}

extension Announce {
    func write(to fields: inout FieldWriter) {
        fields.integer(id)
        fields.chain(chain)
        fields.addresses(addresses)
        fields.fixed(nonce)
        fields.field(signature)
    }

    init(from fields: inout FieldReader) throws(WireError) {
        self.init(
            id: try fields.integer(), chain: try fields.chain(), addresses: try fields.addresses(),
            nonce: try fields.nonce(), signature: try fields.signature())
    }
}

extension AddressUpdate {
    func write(to fields: inout FieldWriter) {
        fields.integer(id)
        fields.integer(generation)
        fields.addresses(addresses)
        fields.field(signature)
    }

    init(from fields: inout FieldReader) throws(WireError) {
        self.init(
            id: try fields.integer(), generation: try fields.integer(), addresses: try fields.addresses(),
            signature: try fields.signature())
    }
}

extension Renewal {
    func write(to fields: inout FieldWriter) {
        fields.integer(id)
        fields.integer(generation)
        fields.chain(chain)
        fields.field(signature)
    }

    init(from fields: inout FieldReader) throws(WireError) {
        self.init(
            id: try fields.integer(), generation: try fields.integer(), chain: try fields.chain(),
            signature: try fields.signature())
    }
}

extension Acceptance {
    func write(to fields: inout FieldWriter) {
        fields.integer(id)
        fields.integer(spi.rawValue)
        fields.fixed(nonce)
    }

    init(from fields: inout FieldReader) throws(WireError) {
        self.init(id: try fields.integer(), spi: try fields.spi(), nonce: try fields.nonce())
    }
}

extension Refusal {
    func write(to fields: inout FieldWriter) {
        fields.integer(id)
        fields.integer(generation)
        fields.integer(reason.rawValue)
        fields.addresses(addresses)
    }

    init(from fields: inout FieldReader) throws(WireError) {
        id = try fields.integer()
        generation = try fields.integer()
        guard let reason = RefusalReason(rawValue: try fields.integer()) else { throw .badValue("refusal reason") }
        self.reason = reason
        addresses = try fields.addresses()
    }
}
