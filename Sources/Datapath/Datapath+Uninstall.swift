import BPFBinding
import CPodshieldABI

extension Datapath {
    /// Takes everything out of the kernel: programs, links, filters, keys (overwritten first), pins, the directory. The
    /// actor is of no use afterwards but for its counters.
    public func uninstall() throws(DatapathError) {
        try Self.uninstall(bpffs: settings.bpffs, instance: settings.instance)
    }

    /// The same for an instance that does not run. One that was never installed is no error.
    public static func uninstall(bpffs: String = "/sys/fs/bpf", instance: String) throws(DatapathError) {
        let paths = try PinPaths(bpffs: bpffs, instance: instance)
        let attachments = Attachments(paths, .auto)
        for attachment in try attachments.all() { try attachments.detach(attachment.place) }
        try kernel { () throws(BPFError) in
            // No program may meet a zero key: the last one that knew the maps has ended after this.
            try GracePeriod().wait()
            try wipeKeys(paths)
            for directory in [paths.links, paths.maps] {
                for name in try BPFFileSystem.names(in: directory) { try BPFFileSystem.unpin("\(directory)/\(name)") }
                try BPFFileSystem.removeDirectory(directory)
            }
            try BPFFileSystem.removeDirectory(paths.root)
        }
        removeSharedDirectory(bpffs)
    }

    private static func wipeKeys(_ paths: PinPaths) throws(BPFError) {
        for kind in [DatapathMap.saIn, .saOut] where BPFFileSystem.hasPin(paths.map(kind.rawValue)) {
            let map = try BPFMap(pinnedAt: paths.map(kind.rawValue))
            for slot in 0..<UInt32(map.layout.maxEntries) { try map.clear(slot) }
        }
    }

    /// `<bpffs>/podshield` goes with its last instance; while it holds another it cannot.
    private static func removeSharedDirectory(_ bpffs: String) {
        try? BPFFileSystem.removeDirectory("\(bpffs)/podshield")
    }
}
