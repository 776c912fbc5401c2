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

/// A file system of the test's own that is soon full. Gone with its owner.
public final class SmallFileSystem: Sendable {
    public let directory: TemporaryDirectory
    private var filler: String { directory.path + "/filler" }

    /// - Parameter files: the root is one; nil for as many as memory has room for.
    public init(kilobytes: Int, files: Int? = nil) throws {
        directory = try TemporaryDirectory()
        let options = "size=\(kilobytes)k" + (files.map { ",nr_inodes=\($0)" } ?? "")
        try Command.run("mount", "-t", "tmpfs", "-o", options, "tmpfs", directory.path)
    }

    deinit { _ = try? Command.run("umount", "--lazy", directory.path) }

    /// Leaves not a byte. Fails when there was none to take.
    public func fill() throws {
        // Its failure is the point.
        _ = try? Command.run("dd", "if=/dev/zero", "of=" + filler, "bs=4k")
        _ = try FileManager.default.attributesOfItem(atPath: filler)
    }

    public func makeRoom() throws { try FileManager.default.removeItem(atPath: filler) }
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
