import Glibc

/// The program that runs, as the kernel sees it.
public enum CurrentProcess {
    /// Its file. C: `readlink` of `/proc/self/exe`.
    public static func executable() throws(SystemError) -> String {
        var path = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = try calling("readlink", "/proc/self/exe") {
            unsafe path.withUnsafeMutableBytes {
                unsafe readlink("/proc/self/exe", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
            }
        }
        return String(decoding: path[..<count], as: UTF8.self)
    }

    /// Becomes another program with the same descriptors and environment; returns only by throwing. C: `execv`.
    public static func become(_ path: String, arguments: [String]) throws(SystemError) -> Never {
        var vector = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
        defer { while let argument = unsafe vector.popLast() { unsafe free(argument) } }
        _ = unsafe execv(path, &vector)
        throw SystemError(operation: "execv", code: errno, subject: path)
    }
}
