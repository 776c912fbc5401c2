import CLinux

/// Numbers of <linux/capability.h> that this product needs.
public enum Capability: Int, Sendable, CaseIterable {
    case netAdmin = 12
    case sysAdmin = 21
    case perfmon = 38
    case bpf = 39

    /// As in `capabilities(7)`.
    public var name: String {
        switch self {
        case .netAdmin: "CAP_NET_ADMIN"
        case .sysAdmin: "CAP_SYS_ADMIN"
        case .perfmon: "CAP_PERFMON"
        case .bpf: "CAP_BPF"
        }
    }

    /// Those of `needed` that the calling thread does not have. C: `capget`.
    public static func missing(of needed: [Capability]) throws(SystemError) -> [Capability] {
        var effective: UInt64 = 0
        try checking("capget", nil, unsafe ps_linux_effective_capabilities(&effective))
        return needed.filter { effective & (1 << UInt64($0.rawValue)) == 0 }
    }
}
