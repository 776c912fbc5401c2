internal import Glibc

/// What `/proc/PID/status` says, which everybody may read.
struct ProcessStatus {
    let path: String
    private let lines: [Substring]

    /// `ESRCH` when there is no such process.
    init(ofProcess processID: UInt32) throws(SystemError) {
        path = "/proc/\(processID)/status"
        let text: String
        do {
            text = String(decoding: try AtomicFile.read(path), as: UTF8.self)
        } catch  where error.code == ENOENT {
            throw SystemError(operation: "read", code: ESRCH, subject: path)
        }
        // Before the lines that are asked for stands the name, in which the kernel escapes line ends.
        lines = text.split(separator: "\n")
    }

    /// The numbers of a field such as `Uid`; none when it is not there.
    func numbers(_ field: String) -> [UInt32] {
        let line = lines.first { $0.hasPrefix("\(field):") }?.dropFirst(field.count + 1)
        return line?.split { $0 == "\t" || $0 == " " }.compactMap { UInt32($0) } ?? []
    }
}
