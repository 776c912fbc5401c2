import CLinux
import Glibc

/// A program we started, with the descriptors that it was given and nothing else of ours.
public struct ChildProcess: Sendable {
    public let processID: Int32

    /// Standard error is shared, the environment is empty. C: `posix_spawn`.
    ///
    /// - Parameters:
    ///   - input: becomes descriptor 0.
    ///   - output: becomes descriptor 1; nil to throw away what the program prints.
    public init(
        path: String, arguments: [String] = [], input: FileDescriptor, output: FileDescriptor? = nil
    ) throws(SystemError) {
        var vector = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
        defer { while let argument = unsafe vector.popLast() { unsafe free(argument) } }
        var processID: Int32 = 0
        let result = unsafe ps_linux_spawn(path, &vector, input.raw, output?.raw ?? -1, &processID)
        try checking("posix_spawn", path, result)
        self.processID = processID
    }

    /// Ends it, if it has not ended. C: `kill`.
    public func kill() { _ = Glibc.kill(processID, SIGKILL) }

    /// Runs a program to its end, without input. Returns what `wait` does.
    ///
    /// - Parameter output: a file, made anew with mode 0600; nil to throw away what the program prints.
    public static func run(_ path: String, _ arguments: [String], output: String? = nil) throws(SystemError) -> Int32 {
        let input = try FileDescriptor(opening: "/dev/null", O_RDONLY)
        let file: FileDescriptor? =
            if let output {
                try FileDescriptor(opening: output, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            } else { nil }
        return try ChildProcess(path: path, arguments: arguments, input: input, output: file).wait()
    }

    /// Waits for its end: the exit status, or 128 + signal. C: `waitpid`.
    public func wait() throws(SystemError) -> Int32 {
        var status: Int32 = 0
        try calling("waitpid") { unsafe waitpid(processID, &status, 0) }
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }
}
