import CLibBPF
import Glibc

/// A compiled object: opened, adjusted, loaded. Not shared between tasks; what it gives out is.
@safe public final class BPFObject {
    public let path: String
    private let object: OpaquePointer

    /// Reads and parses the file; nothing enters the kernel yet. C: `bpf_object__open_file`.
    public init(path: String) throws(BPFError) {
        ps_libbpf_log_begin()
        let object = unsafe bpf_object__open_file(path, nil)
        let code = errno
        let log = capturedLog()
        guard let object = unsafe object else {
            throw BPFError(operation: "bpf_object__open_file", code: code, subject: path, log: log)
        }
        self.path = path
        unsafe self.object = object
    }

    deinit { unsafe bpf_object__close(object) }

    /// A map as the object declares it.
    public struct MapDeclaration: Hashable, Sendable {
        public let name: String
        public let layout: BPFMapLayout
        /// Name of the structure that BTF gives as the value's type, where it is one.
        public let valueStructure: Structure?
        /// `.rodata`, `.bss` and the like, made by the compiler.
        public let isInternal: Bool
    }

    /// A structure as the object's BTF describes it.
    public struct Structure: Hashable, Sendable {
        public let name: String
        public let size: Int
        /// Byte offset of every member, by name.
        public let offsets: [String: Int]
    }

    public var maps: [MapDeclaration] {
        var declarations: [MapDeclaration] = []
        var map = unsafe bpf_object__next_map(object, nil)
        while let current = unsafe map {
            unsafe declarations.append(declaration(of: current))
            unsafe map = bpf_object__next_map(object, current)
        }
        return declarations
    }

    public var programNames: [String] {
        var names: [String] = []
        var program = unsafe bpf_object__next_program(object, nil)
        while let current = unsafe program {
            unsafe names.append(String(cString: bpf_program__name(current)))
            unsafe program = bpf_object__next_program(object, current)
        }
        return names
    }

    /// Before loading. C: `bpf_map__set_max_entries`.
    public func setMaxEntries(_ count: Int, of map: String) throws(BPFError) {
        let handle = try unsafe find(map)
        try calling("bpf_map__set_max_entries", map) { unsafe bpf_map__set_max_entries(handle, UInt32(count)) }
    }

    /// Before loading: uses a map that exists instead of creating one. C: `bpf_map__reuse_fd`.
    public func reuse(_ existing: BPFMap, for map: String) throws(BPFError) {
        let handle = try unsafe find(map)
        try calling("bpf_map__reuse_fd", map) { unsafe bpf_map__reuse_fd(handle, existing.descriptor.raw) }
    }

    /// Creates the maps, has the programs verified. The verifier's log is in the error. C: `bpf_object__load`.
    public func load() throws(BPFError) {
        try calling("bpf_object__load", path) { unsafe bpf_object__load(object) }
    }

    /// A map after loading; stays open beyond the object.
    public func map(_ name: String) throws(BPFError) -> BPFMap {
        let handle = try unsafe find(name)
        return try BPFMap(unsafe Self.duplicate(bpf_map__fd(handle), name), subject: name)
    }

    /// A program after loading; stays open beyond the object.
    public func program(_ name: String) throws(BPFError) -> BPFProgram {
        guard let handle = unsafe bpf_object__find_program_by_name(object, name) else {
            throw BPFError(operation: "find program", code: ENOENT, subject: name)
        }
        return try BPFProgram(unsafe Self.duplicate(bpf_program__fd(handle), name), name: name)
    }

    private func find(_ name: String) throws(BPFError) -> OpaquePointer {
        guard let map = unsafe bpf_object__find_map_by_name(object, name) else {
            throw BPFError(operation: "find map", code: ENOENT, subject: name)
        }
        return unsafe map
    }

    private static func duplicate(_ raw: Int32, _ subject: String) throws(BPFError) -> Descriptor {
        Descriptor(
            owning: try calling("dup", subject) {
                let copy = fcntl(raw, F_DUPFD_CLOEXEC, 3)
                return copy < 0 ? -errno : copy
            })
    }

    private func declaration(of map: OpaquePointer) -> MapDeclaration {
        unsafe MapDeclaration(
            name: String(cString: bpf_map__name(map)),
            layout: BPFMapLayout(
                type: bpf_map__type(map).rawValue, keySize: Int(bpf_map__key_size(map)),
                valueSize: Int(bpf_map__value_size(map)), maxEntries: Int(bpf_map__max_entries(map)),
                flags: bpf_map__map_flags(map)),
            valueStructure: structure(bpf_map__btf_value_type_id(map)),
            isInternal: bpf_map__is_internal(map))
    }

    private func structure(_ type: UInt32) -> Structure? {
        guard type != 0, let btf = unsafe bpf_object__btf(object) else { return nil }
        let resolved = unsafe btf__resolve_type(btf, type)
        guard resolved >= 0, let entry = unsafe btf__type_by_id(btf, UInt32(resolved)),
            unsafe ps_libbpf_btf_is_struct(entry) != 0
        else { return nil }
        var offsets: [String: Int] = [:]
        for index in 0..<(unsafe ps_libbpf_btf_member_count(entry)) {
            let name = unsafe String(cString: btf__name_by_offset(btf, ps_libbpf_btf_member_name(entry, index)))
            offsets[name] = unsafe Int(ps_libbpf_btf_member_offset(entry, index))
        }
        return unsafe Structure(
            name: String(cString: btf__name_by_offset(btf, entry.pointee.name_off)), size: Int(entry.pointee.size),
            offsets: offsets)
    }
}
