package import AuthorityAPI

extension ContainerID {
    /// The container that a control group was made for, or that one lies in. Read from outside in: groups of systemd's and the
    /// kubelet's lead to the container's, and what lies below that the container has made, and may have called like another's. Nil
    /// where anything else comes first: who has a group of his own, such as a user's manager, may call those below it what he likes.
    ///
    /// - Parameter path: as `/proc/PID/cgroup` has it.
    package init?(controlGroup path: String) {
        guard let name = ControlGroup.names(of: path)?.first(where: { !Self.leadsToContainers($0) }),
            let id = Self.named(name)
        else { return nil }
        self = id
    }

    /// Slices are systemd's; the others are those that the kubelet and the runtimes make without it.
    private static func leadsToContainers(_ name: String) -> Bool {
        switch name {
        case "kubelet", "kubepods", "burstable", "besteffort", "k8s.io", "docker": true
        default: name.hasSuffix(".slice") || isPod(name)
        }
    }

    /// By its UID, which for static pods is none of a UUID's form.
    private static func isPod(_ name: String) -> Bool {
        let uid = name.dropFirst("pod".count)
        return name.hasPrefix("pod") && (32...36).contains(uid.utf8.count)
            && uid.utf8.allSatisfy("0123456789abcdef-".utf8.contains)
    }

    /// containerd, CRI-O and cri-dockerd; with systemd the group is a scope.
    private static func named(_ name: String) -> ContainerID? {
        for (prefix, suffix) in [
            ("", ""), ("crio-", ""), ("cri-containerd-", ".scope"), ("crio-", ".scope"), ("docker-", ".scope"),
        ] where name.hasPrefix(prefix) && name.hasSuffix(suffix) {
            if let id = ContainerID(name.dropFirst(prefix.count).dropLast(suffix.count)) { return id }
        }
        return nil
    }
}
