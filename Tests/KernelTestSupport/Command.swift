import Foundation
public import Glibc

/// A program run to its end, or until it is ended.
public struct Command {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// Returns what it printed; a status other than 0 throws, with what it complained of.
    @discardableResult
    public static func run(_ words: String...) throws -> String { try run(words) }

    @discardableResult
    public static func run(_ words: [String]) throws -> String {
        let output = Pipe()
        let process = try spawn(words, output.fileHandleForWriting.fileDescriptor)
        try output.fileHandleForWriting.close()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        let status = wait(process)
        guard status == 0 else { throw Failure(description: "\(words.joined(separator: " ")): \(text)") }
        return text
    }

    /// Its status, as `waitpid` gives it, when it has ended.
    @discardableResult
    public static func wait(_ process: pid_t) -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }

    /// With the descriptor `output` for both of its own; `wait` has to follow. Foundation's `Process` looks through all
    /// descriptors that are open, and has crashed on a list of some 1400.
    public static func spawn(_ words: [String], _ output: Int32) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
        // Threads of a pool have signals blocked, and the process ignores some, that a program at a terminal would hear.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
        defer { while let argument = unsafe arguments.popLast() { unsafe free(argument) } }
        var process: pid_t = 0
        let error = unsafe posix_spawnp(&process, words[0], &actions, &attributes, &arguments, environ)
        guard error == 0 else { throw Failure(description: "\(words[0]): \(unsafe String(cString: strerror(error)))") }
        return process
    }
}
