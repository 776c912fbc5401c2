/// What the names of control groups say.
enum ControlGroup {
    /// The names of a group and of those that it lies in, outermost first. By bytes: who may make a group may begin its name with a
    /// combining character, and that makes one letter of itself and the slash in front. Nil for what does not begin with a slash.
    ///
    /// - Parameter path: as `/proc/PID/cgroup` has it.
    static func names(of path: String) -> [String]? {
        let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count > 1, parts[0].isEmpty else { return nil }
        return parts.dropFirst().map { String(Substring($0)) }
    }

    /// Which unit of systemd a control group belongs to: the outermost service or scope below the slices. What lies deeper was made by
    /// the unit itself, which may call it what it likes. Nil for the root, for what is outside of it, and for groups that systemd has
    /// not made.
    ///
    /// - Parameter path: as `/proc/PID/cgroup` has it.
    static func unit(of path: String) -> String? {
        guard let name = names(of: path)?.first(where: { !$0.hasSuffix(".slice") }) else { return nil }
        // systemd escapes names that the kernel might have a use for.
        let unit = name.hasPrefix("_") ? String(name.dropFirst()) : name
        return unit.hasSuffix(".service") || unit.hasSuffix(".scope") ? unit : nil
    }

    /// The same for what the machine runs; nil for what users run, in sessions and by managers of their own.
    ///
    /// - Parameter path: as `/proc/PID/cgroup` has it.
    static func service(of path: String) -> String? {
        names(of: path)?.first == "user.slice" ? nil : unit(of: path)
    }
}
