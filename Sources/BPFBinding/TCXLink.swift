import CLibBPF

/// Which way a packet passes the device.
public enum TrafficDirection: String, Sendable, CaseIterable {
    case ingress
    case egress
}

/// A tcx link (Linux 6.6): a program at a device's hook for as long as the link is open or pinned.
public final class TCXLink: Sendable {
    private let descriptor: Descriptor

    private init(_ descriptor: Descriptor) { self.descriptor = descriptor }

    /// Attaches. Fails with `EINVAL` on kernels without tcx. C: `bpf(BPF_LINK_CREATE)`.
    public convenience init(
        attaching program: BPFProgram, to interface: UInt32, _ direction: TrafficDirection
    ) throws(BPFError) {
        let type = direction == .ingress ? PS_LIBBPF_TCX_INGRESS : PS_LIBBPF_TCX_EGRESS
        let raw = try calling("bpf_link_create tcx \(direction)", "ifindex \(interface)") {
            ps_libbpf_tcx_attach(program.descriptor.raw, interface, type)
        }
        self.init(Descriptor(owning: raw))
    }

    /// Opens the link pinned at `path`.
    public convenience init(pinnedAt path: String) throws(BPFError) {
        self.init(try BPFFileSystem.open(path))
    }

    public func pin(at path: String) throws(BPFError) { try BPFFileSystem.pin(descriptor, at: path) }

    /// Puts another program in the place of the present one; no packet passes without either. C: `bpf_link_update`.
    public func replaceProgram(with program: BPFProgram) throws(BPFError) {
        try calling("bpf_link_update", program.name) {
            bpf_link_update(descriptor.raw, program.descriptor.raw, nil)
        }
    }

    /// Takes the program off at once, whoever else still holds the link. C: `bpf_link_detach`.
    public func detach() throws(BPFError) {
        try calling("bpf_link_detach") { bpf_link_detach(descriptor.raw) }
    }

    /// Ids of all programs at the hook, whoever put them there, in the order in which they run; at most 64. C:
    /// `bpf_prog_query`.
    public static func programs(
        at interface: UInt32, _ direction: TrafficDirection
    ) throws(BPFError) -> [UInt32] {
        let type = direction == .ingress ? PS_LIBBPF_TCX_INGRESS : PS_LIBBPF_TCX_EGRESS
        var programs = [UInt32](repeating: 0, count: 64)
        let count = try calling("bpf_prog_query tcx \(direction)", "ifindex \(interface)") {
            unsafe ps_libbpf_tcx_query(interface, type, &programs, UInt32(programs.count))
        }
        return Array(programs.prefix(Int(count)))
    }

    public struct Info: Hashable, Sendable {
        public let id: UInt32
        public let program: UInt32
        /// 0 once the device is gone.
        public let interface: UInt32
    }

    public func info() throws(BPFError) -> Info {
        var link = ps_libbpf_link()
        try calling("bpf_link_get_info_by_fd") { unsafe ps_libbpf_link_info(descriptor.raw, &link) }
        return Info(id: link.id, program: link.program_id, interface: link.ifindex)
    }
}
