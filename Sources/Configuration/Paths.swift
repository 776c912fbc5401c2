extension PodshieldConfiguration {
    /// Where the daemon keeps and opens things. All are absolute.
    public struct Paths: Sendable, Equatable {
        /// CA, registry, SVIDs: survives a restart of the machine. 0700.
        public var state: String
        /// Admin socket and lock; 0711 where workloads pass to theirs, else 0700.
        public var run: String
        /// A mounted bpffs; pins lie in `podshield/<instance>` below it.
        public var bpffs: String
        /// The compiled programs.
        public var bpfObject: String

        /// Of the authority: CA and registry.
        public var authorityState: String { state + "/authority" }
        /// Of the node: its SVID, the directory it accepted.
        public var nodeState: String { state + "/node" }
        /// Of the node's pods.
        public var podState: String { state + "/pods" }
        public var adminSocket: String { run + "/admin.sock" }
        /// Of the Workload API, in a directory of its own.
        public var workloadSocket: String { "\(run)/\(Self.agent)/api.sock" }
        /// Name of that directory.
        public static let agent = "agent"
        /// Name of the directory that brokers connect in, unless the configuration says another.
        public static let broker = "broker"
        /// The Workload API's of the instance `default`, for who cannot read a configuration.
        public static let defaultWorkloadSocket = defaults(for: PodshieldConfiguration.defaultInstance).workloadSocket
        /// Held by the one daemon of this instance; each of its two homes has one.
        public var locks: [String] { [run + "/lock", state + "/lock"] }
    }
}

extension PodshieldConfiguration.Paths {
    /// `/var/lib/podshield` for the instance `default`, `/var/lib/podshield-NAME` for another; `/run` likewise.
    static func defaults(for instance: String) -> Self {
        let name = instance == PodshieldConfiguration.defaultInstance ? "podshield" : "podshield-\(instance)"
        return Self(
            state: "/var/lib/\(name)", run: "/run/\(name)", bpffs: "/sys/fs/bpf",
            bpfObject: "/usr/lib/podshield/podshield.bpf.o")
    }
}

extension PodshieldConfiguration {
    static let defaultInstance = "default"
    static let defaultHelperSocket = "/run/podshield-netns/socket"
}
