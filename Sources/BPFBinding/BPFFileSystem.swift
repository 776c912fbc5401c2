import CLibBPF
import Glibc

/// Pins: names in a bpffs that keep a kernel object alive without its loader.
public enum BPFFileSystem {
    /// Whether `path` lies in a mounted bpffs.
    public static func contains(_ path: String) -> Bool {
        unsafe ps_libbpf_is_bpffs(path) == 1
    }

    /// Whether something is pinned at `path`.
    public static func hasPin(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Removes the name; the object lives on while something else holds it. A name that is not there is no error.
    public static func unpin(_ path: String) throws(BPFError) {
        guard unsafe unlink(path) != 0, errno != ENOENT else { return }
        throw BPFError(operation: "unlink", code: errno, subject: path)
    }

    /// Gives the object at `source` the name `target`, replacing what that name stood for in one step.
    public static func rename(_ source: String, to target: String) throws(BPFError) {
        guard unsafe Glibc.rename(source, target) == 0 else {
            throw BPFError(operation: "rename", code: errno, subject: "\(source) to \(target)")
        }
    }

    /// Makes `path` and what is missing above it, mode 0700.
    public static func makeDirectory(_ path: String) throws(BPFError) {
        guard unsafe mkdir(path, 0o700) != 0, errno != EEXIST else { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw BPFError(operation: "mkdir", code: errno, subject: path)
        }
        try makeDirectory(String(path[..<slash]))
        try makeDirectory(path)
    }

    /// Removes an empty directory. One that is not there is no error.
    public static func removeDirectory(_ path: String) throws(BPFError) {
        guard unsafe rmdir(path) != 0, errno != ENOENT else { return }
        throw BPFError(operation: "rmdir", code: errno, subject: path)
    }

    /// Names in a directory, sorted; none when it does not exist.
    public static func names(in path: String) throws(BPFError) -> [String] {
        guard let directory = unsafe opendir(path) else {
            if errno == ENOENT { return [] }
            throw BPFError(operation: "opendir", code: errno, subject: path)
        }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                unsafe String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func pin(_ descriptor: Descriptor, at path: String) throws(BPFError) {
        try calling("bpf_obj_pin", path) { unsafe bpf_obj_pin(descriptor.raw, path) }
    }

    static func open(_ path: String) throws(BPFError) -> Descriptor {
        Descriptor(owning: try calling("bpf_obj_get", path) { unsafe bpf_obj_get(path) })
    }
}
