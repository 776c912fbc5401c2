import Foundation
import Glibc
public import LinuxBinding

/// A program as an operator runs it: it is searched for, what it prints and complains of is one text.
public enum Command {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// Returns what it printed; a status other than 0 throws, with what it complained of.
    @discardableResult
    public static func run(_ words: String...) throws -> String { try run(words) }

    @discardableResult
    public static func run(_ words: [String]) throws -> String {
        let (status, text) = try finish(words)
        guard status == 0 else { throw Failure(description: "\(words.joined(separator: " ")): \(text)") }
        return text
    }

    /// Its status, as `ChildProcess.wait` gives it, and what it printed.
    public static func finish(_ words: [String]) throws -> (status: Int32, output: String) {
        let pipe = Pipe()
        let process = try start(words, output: pipe.fileHandleForWriting.fileDescriptor)
        try pipe.fileHandleForWriting.close()
        let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        return (try process.wait(), text)
    }

    /// Does not wait for its end. Foundation's `Process` would look through all descriptors that are open, and has crashed on
    /// a list of some 1400; it would hand them on, too: a file that another program has open for writing cannot be run, an
    /// address that it holds cannot be listened on.
    ///
    /// - Parameters:
    ///   - input: what it reads; nil for nothing. Stays open.
    ///   - output: where it prints; nil for nowhere. Stays open.
    public static func start(_ words: [String], input: Int32? = nil, output: Int32? = nil) throws -> ChildProcess {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return try ChildProcess(
            path: "/bin/sh", arguments: ["-c", #"PATH=$0 exec env "$@" 2>&1"#, path] + words,
            input: input.map { FileDescriptor(owning: dup($0)) } ?? FileDescriptor(opening: "/dev/null"),
            output: output.map { FileDescriptor(owning: dup($0)) })
    }
}
