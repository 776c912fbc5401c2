public import Foundation
import Glibc
import LinuxBinding
import Synchronization

/// A program that runs beside the test, and is killed with this object if it still runs then.
public final class RunningProgram: Sendable {
    private let process: ChildProcess
    private let hasEnded = Mutex(false)

    /// - Parameters:
    ///   - input: what it reads; nil for nothing.
    ///   - output: where it prints; nil for nowhere.
    public init(_ words: [String], input: FileHandle? = nil, output: FileHandle? = nil) throws {
        process = try Command.start(
            words, input: input?.fileDescriptor, output: output?.fileDescriptor)
    }

    deinit { end() }

    public var processID: Int32 { process.processID }

    public func signal(_ number: Int32) { _ = kill(processID, number) }

    /// Kills it and waits until it is gone; once.
    public func end() {
        let isFirst = hasEnded.withLock { hasEnded in
            defer { hasEnded = true }
            return !hasEnded
        }
        guard isFirst else { return }
        signal(SIGKILL)
        _ = try? process.wait()
    }
}

extension RunningProgram {
    public struct NumberTaken: Error {}

    /// A program that gets the number of one that has ended, as it may after some thousand others (`/proc/sys/kernel/ns_last_pid`;
    /// root's). Whoever is quicker has it first, and is waited for.
    public static func start(_ words: [String], as number: Int32) throws -> RunningProgram {
        for _ in 0..<1000 {
            let last = try FileDescriptor(opening: "/proc/sys/kernel/ns_last_pid", O_WRONLY)
            let text = Array("\(number - 1)".utf8)
            _ = unsafe write(last.raw, text, text.count)
            let program = try RunningProgram(words)
            if program.processID == number { return program }
            program.end()
        }
        throw NumberTaken()
    }
}
