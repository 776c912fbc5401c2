import CLibBPF

/// A loaded program.
public final class BPFProgram: Sendable {
    public let name: String
    public let id: UInt32
    /// The kernel's hash of its instructions, 16 hex digits.
    public let tag: String
    /// Instructions the verifier walked; 0 where the kernel does not say.
    public let verifiedInstructions: UInt32
    let descriptor: Descriptor

    init(_ descriptor: Descriptor, name: String) throws(BPFError) {
        var info = bpf_prog_info()
        var size = UInt32(MemoryLayout<bpf_prog_info>.size)
        try calling("bpf_prog_get_info_by_fd", name) {
            unsafe bpf_obj_get_info_by_fd(descriptor.raw, &info, &size)
        }
        self.descriptor = descriptor
        self.name = name
        self.id = info.id
        self.tag = unsafe withUnsafeBytes(of: info.tag) { raw in
            unsafe raw.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        self.verifiedInstructions = info.verified_insns
    }

    /// Opens the program pinned at `path`.
    public convenience init(pinnedAt path: String) throws(BPFError) {
        try self.init(BPFFileSystem.open(path), name: path)
    }

    /// C: `bpf_obj_pin`.
    public func pin(at path: String) throws(BPFError) { try BPFFileSystem.pin(descriptor, at: path) }
}
