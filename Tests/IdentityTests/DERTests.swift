import Identity
import Testing

struct DERTests {
    @Test(
        arguments: [
            (0, [2, 1, 0]), (1, [2, 1, 1]), (127, [2, 1, 127]), (128, [2, 2, 0, 128]), (256, [2, 2, 1, 0]),
            (0xffff_ffff, [2, 5, 0, 255, 255, 255, 255]),
        ] as [(UInt32, [UInt8])])
    func integers(_ value: UInt32, _ der: [UInt8]) throws {
        #expect(DER.integer(value) == der)
        var reader = DERReader(der)
        #expect(try reader.readUInt32() == value)
    }

    @Test(
        arguments: [
            ("no content", [2, 0]), ("negative", [2, 1, 0x80]), ("padded", [2, 2, 0, 1]),
            ("wide", [2, 5, 1, 0, 0, 0, 0]),
            ("truncated", [2, 2, 1]), ("other tag", [3, 1, 1]), ("long form for a short length", [2, 0x81, 1, 1]),
            ("leading zero length", [2, 0x82, 0, 1, 1]), ("indefinite", [2, 0x80, 1, 0, 0]), ("empty", []),
            ("length of eight bytes", [2, 0x88, 0, 0, 0, 0, 0, 0, 0, 1, 1]), ("reserved length", [2, 0xff]),
        ] as [(String, [UInt8])])
    func badIntegers(_ name: String, _ der: [UInt8]) {
        #expect(throws: DERError.self, "\(name)") {
            var reader = DERReader(der)
            _ = try reader.readUInt32()
        }
    }

    @Test(arguments: [0, 127, 128, 255, 256, 65536])
    func lengths(_ count: Int) throws {
        let content = [UInt8](repeating: 7, count: count)
        #expect(try DERReader.only(.octetString, in: DER.element(.octetString, content)) == content)
    }
}

struct PodshieldBindingTests {
    private let node: SPIFFEID
    private let binding: PodshieldBinding

    init() throws {
        node = try SPIFFEID("spiffe://td/podshield/node/a")
        binding = try PodshieldBinding(node: node, identity: NumericIdentity(rawValue: 300))
    }

    /// SEQUENCE { UTF8String, INTEGER 300 }, byte by byte.
    @Test func encoding() {
        let name = Array("spiffe://td/podshield/node/a".utf8)
        #expect(binding.derEncoded == [0x30, 34, 0x0c, 28] + name + [2, 2, 1, 44])
    }

    @Test(arguments: [256, 0xffff_ffff] as [UInt32])
    func limitsSurvive(_ number: UInt32) throws {
        let binding = try PodshieldBinding(node: node, identity: NumericIdentity(rawValue: number))
        #expect(try PodshieldBinding(der: binding.derEncoded) == binding)
    }

    @Test func malformedIsRefused() throws {
        let name = DER.utf8(node.description)
        let cases: [(String, [UInt8])] = [
            ("trailing byte", binding.derEncoded + [0]),
            ("truncated", Array(binding.derEncoded.dropLast())),
            ("third field", DER.sequence(name, DER.integer(300), DER.integer(1))),
            ("no number", DER.sequence(name)),
            ("other string type", DER.sequence(DER.element(.octetString, [1]), DER.integer(300))),
            ("not UTF-8", DER.sequence(DER.element(.utf8String, [0xff]), DER.integer(300))),
            ("empty", []),
        ]
        for (name, der) in cases {
            #expect(throws: PodshieldBindingError.notDER, "\(name)") { try PodshieldBinding(der: der) }
        }
        #expect(throws: PodshieldBindingError.badNodeID) {
            try PodshieldBinding(der: DER.sequence(DER.utf8("spiffe://td/podshield/node/a\0"), DER.integer(300)))
        }
    }

    @Test(arguments: [0, 1, 2, 255] as [UInt32])
    func reservedNumbersAreRefused(_ number: UInt32) {
        let identity = NumericIdentity(rawValue: number)
        #expect(throws: PodshieldBindingError.notAWorkload(identity)) {
            try PodshieldBinding(der: DER.sequence(DER.utf8(node.description), DER.integer(number)))
        }
    }

    @Test func onlyNodesAreBoundTo() throws {
        let workload = try SPIFFEID("spiffe://td/ns/a/sa/b")
        #expect(throws: PodshieldBindingError.notANode(workload)) {
            try PodshieldBinding(der: DER.sequence(DER.utf8(workload.description), DER.integer(300)))
        }
    }
}
