/// Where an instance keeps its maps and attachments alive: `<bpffs>/podshield/<instance>/{maps,links}/NAME`.
struct PinPaths: Sendable {
    let root: String
    var maps: String { root + "/maps" }
    var links: String { root + "/links" }

    init(bpffs: String, instance: String) throws(DatapathError) {
        guard Self.isName(instance) else { throw .badInstanceName(instance) }
        root = "\(bpffs)/podshield/\(instance)"
    }

    func map(_ name: String) -> String { "\(maps)/\(name)" }
    func link(_ name: String) -> String { "\(links)/\(name)" }

    private static func isName(_ text: String) -> Bool {
        let allowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        return allowed && (1...64).contains(text.utf8.count)
    }
}
