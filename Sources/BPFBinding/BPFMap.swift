import CLibBPF
import Glibc

/// What makes two maps interchangeable.
public struct BPFMapLayout: Hashable, Sendable {
    /// `enum bpf_map_type`.
    public var type: UInt32
    public var keySize: Int
    public var valueSize: Int
    public var maxEntries: Int
    public var flags: UInt32

    public init(type: UInt32, keySize: Int, valueSize: Int, maxEntries: Int, flags: UInt32 = 0) {
        self.type = type
        self.keySize = keySize
        self.valueSize = valueSize
        self.maxEntries = maxEntries
        self.flags = flags
    }
}

extension BPFMapLayout: CustomStringConvertible {
    public var description: String {
        let kind = unsafe libbpf_bpf_map_type_str(bpf_map_type(type)).map { unsafe String(cString: $0) }
        return "\(kind ?? "type \(type)") key \(keySize) value \(valueSize) entries \(maxEntries) flags \(flags)"
    }
}

/// An open map. Keys and values are plain structures; their sizes must be the map's (precondition).
///
/// Concurrent calls are safe as far as the kernel's are: each is one bpf(2) command.
public final class BPFMap: Sendable {
    public let name: String
    public let id: UInt32
    public let layout: BPFMapLayout
    let descriptor: Descriptor

    init(_ descriptor: Descriptor, subject: String) throws(BPFError) {
        var info = bpf_map_info()
        var size = UInt32(MemoryLayout<bpf_map_info>.size)
        try calling("bpf_map_get_info_by_fd", subject) {
            unsafe bpf_obj_get_info_by_fd(descriptor.raw, &info, &size)
        }
        self.descriptor = descriptor
        self.name = unsafe withUnsafeBytes(of: info.name) { raw in
            unsafe String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
        }
        self.id = info.id
        self.layout = BPFMapLayout(
            type: info.type, keySize: Int(info.key_size), valueSize: Int(info.value_size),
            maxEntries: Int(info.max_entries), flags: info.map_flags)
    }

    /// Opens the map pinned at `path`. C: `bpf_obj_get`.
    public convenience init(pinnedAt path: String) throws(BPFError) {
        try self.init(BPFFileSystem.open(path), subject: path)
    }

    /// C: `bpf_obj_pin`.
    public func pin(at path: String) throws(BPFError) { try BPFFileSystem.pin(descriptor, at: path) }
}

/// When an update may happen. C: `BPF_ANY`, `BPF_NOEXIST`, `BPF_EXIST`.
public enum BPFUpdate: UInt64, Sendable {
    case always = 0
    case onlyNew = 1
    case onlyExisting = 2
}

extension BPFMap {
    /// The value at `key`, or nil when there is none. C: `bpf_map_lookup_elem`.
    public func value<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        at key: Key, as type: Value.Type = Value.self
    ) throws(BPFError) -> Value? {
        precondition(MemoryLayout<Key>.size == layout.keySize)
        precondition(MemoryLayout<Value>.size == layout.valueSize && !isPerCPU)
        return try start(at: key, as: type)
    }

    /// The beginning of the value at `key`, of a map whose layout is not known; nil when there is none, or it is shorter.
    public func start<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        at key: Key, as type: Value.Type = Value.self
    ) throws(BPFError) -> Value? {
        guard MemoryLayout<Key>.size == layout.keySize, MemoryLayout<Value>.size <= layout.valueSize, !isPerCPU else {
            return nil
        }
        return try unsafe withUnsafeTemporaryAllocation(
            byteCount: layout.valueSize, alignment: 8
        ) { (buffer) throws(BPFError) -> Value? in
            guard try unsafe read(key, into: buffer) else { return nil }
            return unsafe buffer.loadUnaligned(as: Value.self)
        }
    }

    /// One value for each possible CPU.
    public func valuesPerCPU<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        at key: Key, as type: Value.Type = Value.self
    ) throws(BPFError) -> [Value] {
        precondition(MemoryLayout<Value>.size == layout.valueSize && isPerCPU)
        let stride = (layout.valueSize + 7) & ~7
        let count = Int(libbpf_num_possible_cpus())
        return try unsafe withUnsafeTemporaryAllocation(
            byteCount: stride * count, alignment: 8
        ) { (buffer) throws(BPFError) -> [Value] in
            guard try unsafe read(key, into: buffer) else { return [] }
            return (0..<count).map { unsafe buffer.loadUnaligned(fromByteOffset: $0 * stride, as: Value.self) }
        }
    }

    /// Reads a value into memory of the caller's, who decides how it is wiped. False when there is none.
    ///
    /// - Parameter buffer: at least `layout.valueSize` bytes; for a per-CPU map one value, rounded up to 8, a possible CPU.
    public func read<Key: BitwiseCopyable>(
        _ key: Key, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BPFError) -> Bool {
        precondition(MemoryLayout<Key>.size == layout.keySize && buffer.count >= layout.valueSize)
        let result = unsafe withUnsafeBytes(of: key) { key in
            unsafe bpf_map_lookup_elem(descriptor.raw, key.baseAddress, buffer.baseAddress)
        }
        guard result < 0 else { return true }
        guard -result == ENOENT else { throw failure("bpf_map_lookup_elem", result) }
        return false
    }

    /// C: `bpf_map_update_elem`.
    public func update<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        _ key: Key, to value: Value, when: BPFUpdate = .always
    ) throws(BPFError) {
        try unsafe withUnsafeBytes(of: value) { (bytes) throws(BPFError) in
            try unsafe write(key, from: bytes, when: when)
        }
    }

    /// Writes a value out of memory of the caller's.
    public func write<Key: BitwiseCopyable>(
        _ key: Key, from value: UnsafeRawBufferPointer, when: BPFUpdate = .always
    ) throws(BPFError) {
        precondition(MemoryLayout<Key>.size == layout.keySize && value.count == layout.valueSize && !isPerCPU)
        let result = unsafe withUnsafeBytes(of: key) { key in
            unsafe bpf_map_update_elem(descriptor.raw, key.baseAddress, value.baseAddress, when.rawValue)
        }
        guard result >= 0 else { throw failure("bpf_map_update_elem", result) }
    }

    /// Overwrites the value with zeros, where it lies if the map is an array.
    public func clear<Key: BitwiseCopyable>(_ key: Key) throws(BPFError) {
        try unsafe withUnsafeTemporaryAllocation(byteCount: layout.valueSize, alignment: 8) {
            (zeros) throws(BPFError) in
            unsafe zeros.initializeMemory(as: UInt8.self, repeating: 0)
            try unsafe write(key, from: UnsafeRawBufferPointer(zeros))
        }
    }

    /// False when there was no such entry. C: `bpf_map_delete_elem`.
    @discardableResult
    public func remove<Key: BitwiseCopyable>(_ key: Key) throws(BPFError) -> Bool {
        precondition(MemoryLayout<Key>.size == layout.keySize)
        let result = unsafe withUnsafeBytes(of: key) { key in
            unsafe bpf_map_delete_elem(descriptor.raw, key.baseAddress)
        }
        guard result < 0 else { return true }
        guard -result == ENOENT else { throw failure("bpf_map_delete_elem", result) }
        return false
    }

    /// All keys of a hash or trie; entries that come or go meanwhile may be missed, none is repeated unless the map is
    /// changed by another hand. C: `bpf_map_get_next_key`.
    public func keys<Key: BitwiseCopyable>(as type: Key.Type = Key.self) throws(BPFError) -> [Key] {
        precondition(MemoryLayout<Key>.size == layout.keySize)
        return try unsafe withUnsafeTemporaryAllocation(
            byteCount: layout.keySize, alignment: 8
        ) { (buffer) throws(BPFError) -> [Key] in
            var keys: [Key] = []
            var previous: UnsafeMutableRawPointer?
            while keys.count < layout.maxEntries {
                let result = unsafe bpf_map_get_next_key(descriptor.raw, previous, buffer.baseAddress)
                if -result == ENOENT { break }
                guard result >= 0 else { throw failure("bpf_map_get_next_key", result) }
                keys.append(unsafe buffer.loadUnaligned(as: Key.self))
                unsafe previous = buffer.baseAddress
            }
            return keys
        }
    }

    private var isPerCPU: Bool {
        [BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_PERCPU_HASH].contains { $0.rawValue == layout.type }
    }

    private func failure(_ operation: String, _ result: Int32) -> BPFError {
        BPFError(operation: operation, code: -result, subject: name)
    }
}
