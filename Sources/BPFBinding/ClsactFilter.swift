import CLibBPF
import Glibc

/// A direct-action program among the filters of a device's clsact qdisc; outlives its loader.
public struct ClsactFilter: Hashable, Sendable {
    public let interface: UInt32
    public let direction: TrafficDirection
    public let handle: UInt32
    public let priority: UInt32

    public init(interface: UInt32, direction: TrafficDirection, handle: UInt32, priority: UInt32) {
        self.interface = interface
        self.direction = direction
        self.handle = handle
        self.priority = priority
    }

    /// Makes sure that the device has the qdisc. True when it had none and has ours now. C: `bpf_tc_hook_create`.
    public static func addQueueingDiscipline(to interface: UInt32) throws(BPFError) -> Bool {
        try calling("add clsact", "ifindex \(interface)") { ps_libbpf_clsact_create(interface) } == 1
    }

    /// Removes the qdisc and every filter in it. C: `bpf_tc_hook_destroy`.
    public static func removeQueueingDiscipline(from interface: UInt32) throws(BPFError) {
        try ignoringAbsence("remove clsact", "ifindex \(interface)") { ps_libbpf_clsact_destroy(interface) }
    }

    /// Puts the program at this place, replacing the one there in one step. C: `bpf_tc_attach`.
    public func attach(_ program: BPFProgram) throws(BPFError) {
        try calling("bpf_tc_attach \(direction)", "ifindex \(interface)") {
            ps_libbpf_tc_attach(program.descriptor.raw, interface, point, handle, priority)
        }
    }

    /// Removes the filter; that there is none, or no device, is no error. C: `bpf_tc_detach`.
    public func detach() throws(BPFError) {
        try Self.ignoringAbsence("bpf_tc_detach \(direction)", "ifindex \(interface)") {
            ps_libbpf_tc_detach(interface, point, handle, priority)
        }
    }

    /// The id of the program at this place, or nil. C: `bpf_tc_query`.
    public func attachedProgram() throws(BPFError) -> UInt32? {
        var program: UInt32 = 0
        let found = try Self.ignoringAbsence("bpf_tc_query \(direction)", "ifindex \(interface)") {
            unsafe ps_libbpf_tc_query(interface, point, handle, priority, &program)
        }
        return found ? program : nil
    }

    private var point: ps_libbpf_tc_direction {
        direction == .ingress ? PS_LIBBPF_TC_INGRESS : PS_LIBBPF_TC_EGRESS
    }

    /// False when the device, the qdisc or the filter does not exist.
    @discardableResult
    private static func ignoringAbsence(
        _ operation: String, _ subject: String, _ body: () -> Int32
    ) throws(BPFError) -> Bool {
        do {
            try calling(operation, subject, body)
            return true
        } catch  where [ENOENT, ENODEV, EINVAL].contains(error.code) {
            // The kernel says EINVAL where the qdisc is missing.
            return false
        }
    }
}
