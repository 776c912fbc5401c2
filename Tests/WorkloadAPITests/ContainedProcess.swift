import Foundation
import Glibc
import KernelTestSupport
import LinuxBinding
import Testing

/// A process in control groups of its own: those that a container runtime would have put it into. Gone with its owner.
final class ContainedProcess: Sendable {
    let process: PeerProcess
    private let program: RunningProgram
    private let root: String
    /// Outermost first.
    private let groups: [String]

    /// - Parameter path: as `/proc/PID/cgroup` is to have it.
    init(in path: String) throws {
        root = try Self.hierarchy()
        let parts = path.split(separator: "/")
        groups = parts.indices.map { parts[...$0].joined(separator: "/") }
        try FileManager.default.createDirectory(atPath: "\(root)/\(path)", withIntermediateDirectories: true)
        program = try RunningProgram(["sleep", "600"])
        try Data("\(program.processID)\n".utf8).write(to: URL(filePath: "\(root)/\(path)/cgroup.procs"))
        process = try PeerProcess(processID: UInt32(program.processID))
    }

    /// Into a group below the one that it is in.
    func move(below path: String, _ name: String) throws {
        try FileManager.default.createDirectory(atPath: "\(root)/\(path)/\(name)", withIntermediateDirectories: false)
        try Data("\(program.processID)\n".utf8).write(to: URL(filePath: "\(root)/\(path)/\(name)/cgroup.procs"))
    }

    /// Takes another one into this one's group.
    func take(_ other: ContainedProcess) throws {
        let group = try #require(groups.last)
        try Data("\(other.program.processID)\n".utf8).write(to: URL(filePath: "\(root)/\(group)/cgroup.procs"))
    }

    func end() { program.end() }

    deinit {
        program.end()
        // Deepest first.
        for group in groups.reversed() {
            for inner in (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(group)")) ?? [] {
                Self.remove("\(root)/\(group)/\(inner)")
            }
            Self.remove("\(root)/\(group)")
        }
    }

    /// A process can be in its group for a moment after it was waited for.
    private static func remove(_ group: String) {
        for _ in 0..<200 where unsafe rmdir(group) != 0 && errno == EBUSY { usleep(10_000) }
    }

    /// Where the unified hierarchy is mounted.
    private static func hierarchy() throws -> String {
        let mounts = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8).split(separator: "\n")
        let unified = mounts.first { $0.contains(" - cgroup2 ") }
        return String(try #require(unified?.split(separator: " ").dropFirst(4).first))
    }
}
