internal import FoundationEssentials
public import LinuxBinding

/// The installed podshield-idd, which does what needs the kernel while no daemon runs.
public enum DaemonProgram {
    /// Becomes it; returns only by throwing.
    public static func become(_ arguments: [String]) throws(SystemError) {
        let places = places(besides: try CurrentProcess.executable())
        let path = places.first { FileManager.default.isExecutableFile(atPath: $0) }
        try CurrentProcess.become(path ?? places[0], arguments: arguments)
    }

    /// `sbin` beside our `bin`, as it is installed; else our own directory, as it is built.
    static func places(besides executable: String) -> [String] {
        let parts = executable.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let directory = parts.joined(separator: "/")
        let prefix = parts.dropLast().joined(separator: "/")
        return ["\(prefix)/sbin/podshield-idd", "\(directory)/podshield-idd"]
    }
}
