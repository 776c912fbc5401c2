import BPFBinding
import CPodshieldABI

/// A structure of the shared header as this program was compiled with it, to be held against the object's BTF.
struct ABIStructure: Sendable {
    let name: String
    let size: Int
    let offsets: [String: Int]

    init<Structure>(_ name: String, _: Structure.Type, _ members: KeyValuePairs<String, PartialKeyPath<Structure>>) {
        self.name = name
        size = MemoryLayout<Structure>.size
        offsets = Dictionary(
            uniqueKeysWithValues: members.map { ($0.key, MemoryLayout<Structure>.offset(of: $0.value)!) })
    }

    func matches(_ other: BPFObject.Structure) -> Bool {
        other.name == name && other.size == size && other.offsets == offsets
    }
}

extension ABIStructure: CustomStringConvertible {
    var description: String { Self.describe(name, size, offsets) }

    static func describe(_ other: BPFObject.Structure) -> String { describe(other.name, other.size, other.offsets) }

    private static func describe(_ name: String, _ size: Int, _ offsets: [String: Int]) -> String {
        let members = offsets.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map { "\($0.key)@\($0.value)" }
        return "\(name)[\(size)]{\(members.joined(separator: " "))}"
    }
}

extension ABIStructure {
    static let config = ABIStructure(
        "ps_config", ps_config.self,
        [
            "abi_version": \.abi_version, "abi_oldest": \.abi_oldest, "flags": \.flags, "mark_mask": \.mark_mask,
            "mark_shift": \.mark_shift, "esp_port": \.esp_port, "pad0": \.pad0, "hash_key": \.hash_key,
            "event_burst": \.event_burst,
        ])
    static let saOut = ABIStructure(
        "ps_sa_out", ps_sa_out.self,
        [
            "seq": \.seq, "spi": \.spi, "peer": \.peer, "identity": \.identity, "suite": \.suite, "key": \.key,
            "salt": \.salt, "pad0": \.pad0,
        ])
    static let outRef = ABIStructure(
        "ps_out_ref", ps_out_ref.self,
        ["slot": \.slot, "spi": \.spi, "deadline_ns": \.deadline_ns, "seq_limit": \.seq_limit])
    static let saIn = ABIStructure(
        "ps_sa_in", ps_sa_in.self,
        [
            "spi": \.spi, "peer": \.peer, "identity": \.identity, "suite": \.suite, "key": \.key, "salt": \.salt,
            "pad0": \.pad0,
        ])
    static let inLive = ABIStructure(
        "ps_in_live", ps_in_live.self, ["spi": \.spi, "last_spi": \.last_spi, "deadline_ns": \.deadline_ns])
    static let inWindow = ABIStructure(
        "ps_in_window", ps_in_window.self, ["lock": \.lock, "pad0": \.pad0, "top": \.top, "words": \.words])
    static let usage = ABIStructure(
        "ps_sa_usage", ps_sa_usage.self, ["packets": \.packets, "bytes": \.bytes, "last_ns": \.last_ns])
    static let peer = ABIStructure(
        "ps_peer", ps_peer.self,
        ["remote": \.remote, "local": \.local, "port": \.port, "mtu": \.mtu, "flags": \.flags])
    static let remote = ABIStructure(
        "ps_remote", ps_remote.self, ["peer": \.peer, "identity": \.identity, "flags": \.flags, "pad0": \.pad0])
    static let local = ABIStructure(
        "ps_local", ps_local.self,
        ["identity": \.identity, "ifindex": \.ifindex, "flags": \.flags, "pad0": \.pad0])
    static let pod = ABIStructure(
        "ps_pod", ps_pod.self,
        ["identity": \.identity, "mtu": \.mtu, "pad0": \.pad0, "mac": \.mac, "pad1": \.pad1])
    static let counter = ABIStructure("ps_counter", ps_counter.self, ["packets": \.packets, "bytes": \.bytes])
}
