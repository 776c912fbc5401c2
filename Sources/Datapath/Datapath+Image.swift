public import Addressing
import BPFBinding
import CPodshieldABI

extension Datapath {
    /// Writes the configuration.
    ///
    /// - Parameter ready: the protected prefixes are in place; until then the programs let nothing of pods pass.
    public func configure(_ configuration: DatapathConfiguration, ready: Bool) throws(DatapathError) {
        guard configuration.markIsUsable else { throw .badMarkMask(configuration.markMask) }
        var config = ps_config()
        config.abi_version = settings.abi.newest
        config.abi_oldest = settings.abi.oldest
        config.flags = (configuration.permissive ? PS_F_PERMISSIVE : 0) | (ready ? PS_F_READY : 0)
        config.mark_mask = configuration.markMask
        config.mark_shift = UInt32(configuration.markMask.trailingZeroBitCount)
        config.esp_port = configuration.espPort
        config.hash_key = configuration.hashKey
        config.event_burst = configuration.eventBurst
        let entry = config
        try kernel { () throws(BPFError) in try maps[.config].update(UInt32(0), to: entry) }
    }

    /// Makes the protected prefixes exactly these, adding before removing.
    public func setProtected(_ prefixes: Set<IPPrefix>) throws(DatapathError) {
        let present = try protected()
        try kernel { () throws(BPFError) in
            for prefix in prefixes.subtracting(present) {
                try maps[.protected].update(ps_lpm_key(prefix), to: UInt32(1))
            }
            for prefix in present.subtracting(prefixes) { try maps[.protected].remove(ps_lpm_key(prefix)) }
        }
    }

    public func protected() throws(DatapathError) -> Set<IPPrefix> {
        let keys = try kernel { () throws(BPFError) in try maps[.protected].keys(as: ps_lpm_key.self) }
        return Set(keys.compactMap(IPPrefix.init))
    }

    /// Watches a device that is neither pod nor loopback, both ways. Again for one that is watched: no effect.
    public func attachUplink(ifindex: UInt32) throws(DatapathError) {
        try attach(.toUplink, ifindex)
        try attach(.fromUplink, ifindex)
    }

    /// One that is not watched is no error.
    public func detachUplink(ifindex: UInt32) throws(DatapathError) {
        try detach(.fromUplink, ifindex)
        try detach(.toUplink, ifindex)
    }

    /// How a device is hooked; nil when it is not.
    public func attachment(of ifindex: UInt32) throws(DatapathError) -> AttachmentMode? {
        try attachments.all().first { $0.place.interface == ifindex }.flatMap {
            AttachmentMode(rawValue: $0.kind.rawValue)
        }
    }

    /// How devices are hooked; nil when none is.
    public func attachedHow() throws(DatapathError) -> AttachmentMode? {
        try attachments.all().first.flatMap { AttachmentMode(rawValue: $0.kind.rawValue) }
    }

    /// Devices that are watched, also since an earlier run.
    public func uplinks() throws(DatapathError) -> Set<UInt32> {
        Set(try attachments.all().filter { $0.place.hook == .fromUplink }.map(\.place.interface))
    }

    /// Devices whose arriving packets a program of this instance sees, whoever runs it; read from its pins alone.
    public static func guardedDevices(bpffs: String, instance: String) throws(DatapathError) -> Set<UInt32> {
        let attachments = Attachments(try PinPaths(bpffs: bpffs, instance: instance), .auto)
        // One that ends while we look guards no more.
        let ingress = try attachments.all().filter {
            $0.place.direction == .ingress && (try? attachments.isLive($0)) == true
        }
        return Set(ingress.map(\.place.interface))
    }
}

extension ps_lpm_key {
    init(_ prefix: IPPrefix) {
        self.init(prefixlen: UInt32(prefix.mappedLength), addr: ps_addr(prefix.address))
    }
}

extension IPPrefix {
    /// Nil for a key that we do not write: one shorter than the mapped form of IPv4 allows.
    init?(_ key: ps_lpm_key) {
        let address = IPAddress(key.addr)
        self.init(address, length: Int(key.prefixlen) - (address.isIPv4 ? 96 : 0))
    }
}
