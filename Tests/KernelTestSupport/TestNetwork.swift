/// A veth pair: one end here, the other as `eth0` in a namespace of its own. Gone with its owner.
public final class TestPod {
    /// Name of the namespace under `/run/netns`.
    public let namespace: String
    /// Name of this side's end.
    public let hostInterface: String

    public init() throws {
        let number = String(UInt32.random(in: 0 ... .max), radix: 36)
        namespace = "pskn-\(number)"
        hostInterface = "pskn\(number)"
        try Command.run("ip", "netns", "add", namespace)
        try Command.run(
            "ip", "link", "add", hostInterface, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        try Command.run("ip", "link", "set", hostInterface, "up")
        try run("ip", "link", "set", "lo", "up")
        try run("ip", "link", "set", "eth0", "up")
    }

    deinit {
        _ = try? Command.run("ip", "link", "del", hostInterface)
        _ = try? Command.run("ip", "netns", "del", namespace)
    }

    public var path: String { "/run/netns/\(namespace)" }

    /// Runs a program inside.
    @discardableResult
    public func run(_ words: String...) throws -> String {
        try Command.run(["nsenter", "--net=\(path)"] + words)
    }
}
