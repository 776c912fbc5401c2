import Foundation

/// Gone with its owner.
public final class TemporaryDirectory: Sendable {
    public let path: String

    public init() throws {
        path = "/tmp/pskn-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A bpffs of the test's own. Pins die with it.
public final class PrivateBPFFS {
    public let path: String
    private let directory: TemporaryDirectory

    public init() throws {
        directory = try TemporaryDirectory()
        path = directory.path + "/bpf"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try Command.run("mount", "-t", "bpf", "bpf", path)
    }

    deinit { _ = try? Command.run("umount", path) }

    /// All names below it, directories included, but for those that the kernel puts into every bpffs.
    public func contents() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: path).filter { !$0.hasSuffix(".debug") }.sorted()
    }
}
