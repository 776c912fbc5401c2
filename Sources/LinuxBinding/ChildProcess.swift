import CLinux
import Glibc

/// A program we started, with a socket as its standard input and nothing else of ours.
public struct ChildProcess: Sendable {
    public let processID: Int32

    /// - Parameter input: becomes descriptor 0. Standard error is shared, the environment is empty. C: `posix_spawn`.
    public init(path: String, arguments: [String] = [], input: FileDescriptor) throws(SystemError) {
        var vector = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
        defer { while let argument = unsafe vector.popLast() { unsafe free(argument) } }
        var processID: Int32 = 0
        let result = unsafe ps_linux_spawn(path, &vector, input.raw, &processID)
        try checking("posix_spawn", path, result)
        self.processID = processID
    }

    /// Ends it, if it has not ended. C: `kill`.
    public func kill() { _ = Glibc.kill(processID, SIGKILL) }

    /// Waits for its end: the exit status, or 128 + signal. C: `waitpid`.
    public func wait() throws(SystemError) -> Int32 {
        var status: Int32 = 0
        try calling("waitpid") { unsafe waitpid(processID, &status, 0) }
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }
}
