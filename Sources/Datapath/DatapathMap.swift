import BPFBinding
import CPodshieldABI

/// The maps that the programs and the daemon share.
enum DatapathMap: String, CaseIterable {
    case config = "ps_config"
    case saOut = "ps_sa_out"
    case outIndex = "ps_out_index"
    case saIn = "ps_sa_in"
    case inLive = "ps_in_live"
    case inWindow = "ps_in_window"
    case usageIn = "ps_sa_usage_in"
    case usageOut = "ps_sa_usage_out"
    case peers = "ps_peers"
    case remote = "ps_remote"
    case bindings = "ps_bindings"
    case local = "ps_local"
    case pods = "ps_pods"
    case protected = "ps_protected"
    case flows = "ps_flows"
    case counters = "ps_counters"
    case events = "ps_events"
    case eventLost = "ps_event_lost"

    /// Type, key and value as the header gives them, size as the settings do. Flags are the object's own business.
    func layout(_ settings: DatapathSettings, flags: UInt32) -> BPFMapLayout {
        let (type, key, value) = shape
        return BPFMapLayout(
            type: type.rawValue, keySize: key, valueSize: value, maxEntries: size(settings), flags: flags)
    }

    private var shape: (bpf_map_type, Int, Int) {
        switch self {
        case .config: array(ps_config.self)
        case .saOut: array(ps_sa_out.self)
        case .saIn: array(ps_sa_in.self)
        case .inLive: array(ps_in_live.self)
        case .inWindow: array(ps_in_window.self)
        case .usageIn, .usageOut: array(ps_sa_usage.self)
        case .counters: (BPF_MAP_TYPE_PERCPU_ARRAY, 4, MemoryLayout<ps_counter>.size)
        case .eventLost: (BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8)
        case .outIndex: hash(ps_out_key.self, ps_out_ref.self)
        case .peers: hash(UInt32.self, ps_peer.self)
        case .remote: hash(ps_addr.self, ps_remote.self)
        case .bindings: hash(ps_binding_key.self, UInt32.self)
        case .local: hash(ps_addr.self, ps_local.self)
        case .pods: hash(UInt32.self, ps_pod.self)
        case .flows: (BPF_MAP_TYPE_LRU_HASH, MemoryLayout<ps_flow_key>.size, 4)
        case .protected: (BPF_MAP_TYPE_LPM_TRIE, MemoryLayout<ps_lpm_key>.size, 4)
        case .events: (BPF_MAP_TYPE_RINGBUF, 0, 0)
        }
    }

    private func array<Value>(_: Value.Type) -> (bpf_map_type, Int, Int) {
        (BPF_MAP_TYPE_ARRAY, 4, MemoryLayout<Value>.size)
    }

    private func hash<Key, Value>(_: Key.Type, _: Value.Type) -> (bpf_map_type, Int, Int) {
        (BPF_MAP_TYPE_HASH, MemoryLayout<Key>.size, MemoryLayout<Value>.size)
    }

    private func size(_ settings: DatapathSettings) -> Int {
        switch self {
        case .config: 1
        case .saOut, .saIn, .inLive, .inWindow, .usageIn, .usageOut, .outIndex: settings.securityAssociations
        case .peers: settings.peers
        case .remote, .bindings: settings.remoteAddresses
        case .local: settings.localAddresses
        case .pods: settings.pods
        case .protected: settings.protectedPrefixes
        case .flows: Int(PS_FLOWS)
        case .counters: Int(PS_R_COUNT.rawValue)
        case .eventLost: 2
        case .events: settings.eventRingBytes
        }
    }

    /// The structure of its values, where it is one.
    var structure: ABIStructure? {
        switch self {
        case .config: .config
        case .saOut: .saOut
        case .outIndex: .outRef
        case .saIn: .saIn
        case .inLive: .inLive
        case .inWindow: .inWindow
        case .usageIn, .usageOut: .usage
        case .peers: .peer
        case .remote: .remote
        case .local: .local
        case .pods: .pod
        case .counters: .counter
        case .bindings, .protected, .flows, .events, .eventLost: nil
        }
    }

    /// Whether its entries can be counted.
    var isKeyed: Bool { shape.0 == BPF_MAP_TYPE_HASH || shape.0 == BPF_MAP_TYPE_LPM_TRIE }
}

/// The open maps of a loaded datapath.
struct MapSet: Sendable {
    private let maps: [DatapathMap: BPFMap]

    init(_ open: (DatapathMap) throws(DatapathError) -> BPFMap) throws(DatapathError) {
        var maps: [DatapathMap: BPFMap] = [:]
        for map in DatapathMap.allCases { maps[map] = try open(map) }
        self.maps = maps
    }

    subscript(_ map: DatapathMap) -> BPFMap { maps[map]! }
}
