/// A path that may name a pod's network namespace: `/run/netns/NAME`, `/var/run/netns/NAME`, `/proc/PID/ns/net`.
public struct NamespacePath: Hashable, Sendable {
    public let text: String

    /// Nil for any other path, and for a NAME of other characters than letters, digits, `.`, `_`, `-`.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch parts.count {
        case 4 where parts[0...2] == ["", "run", "netns"]:
            guard Self.isName(parts[3]) else { return nil }
        case 5 where parts[0...3] == ["", "var", "run", "netns"]:
            guard Self.isName(parts[4]) else { return nil }
        case 5 where parts[0...1] == ["", "proc"] && parts[3...4] == ["ns", "net"]:
            guard Self.isProcess(parts[2]) else { return nil }
        default: return nil
        }
        self.text = text
    }

    private static func isName(_ text: String) -> Bool {
        guard (1...255).contains(text.utf8.count), text != ".", text != ".." else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }

    private static func isProcess(_ text: String) -> Bool {
        guard let number = Int32(text), number > 0 else { return false }
        return String(number) == text
    }
}
