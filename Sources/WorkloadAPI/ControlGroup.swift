/// Which unit of systemd a control group belongs to.
enum ControlGroup {
    /// The outermost service or scope below the slices: what lies deeper was made by the unit itself, which may call it what it
    /// likes. Nil for the root, for what is outside of it, and for groups that systemd has not made.
    ///
    /// - Parameter path: as `/proc/PID/cgroup` has it.
    static func unit(of path: String) -> String? {
        let names = path.split(separator: "/")
        guard path.hasPrefix("/"), let name = names.first(where: { !$0.hasSuffix(".slice") }) else { return nil }
        // systemd escapes names that the kernel might have a use for.
        let unit = String(name.first == "_" ? name.dropFirst() : name)
        return unit.hasSuffix(".service") || unit.hasSuffix(".scope") ? unit : nil
    }
}
