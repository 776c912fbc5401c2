import BPFBinding
import CPodshieldABI
import Identity
import LinuxBinding

/// A slot's contents: who, and the key. Never held outside wiped memory.
protocol SARecord {
    var spi: UInt32 { get set }
    var peer: UInt32 { get set }
    var identity: UInt32 { get set }
    var suite: UInt32 { get set }
    static var keyOffset: Int { get }
    static var saltOffset: Int { get }
}

extension ps_sa_in: SARecord {
    static var keyOffset: Int { MemoryLayout<Self>.offset(of: \.key)! }
    static var saltOffset: Int { MemoryLayout<Self>.offset(of: \.salt)! }
}

extension ps_sa_out: SARecord {
    static var keyOffset: Int { MemoryLayout<Self>.offset(of: \.key)! }
    static var saltOffset: Int { MemoryLayout<Self>.offset(of: \.salt)! }
}

/// An array of records in the kernel. Only unpublished slots are ever written.
struct SASlots<Record: SARecord> {
    let map: BPFMap

    func write(_ parameters: SAParameters, _ key: SAKeyWriter, to slot: UInt32) throws(DatapathError) {
        let memory = SecretMemory(byteCount: MemoryLayout<Record>.size)
        try unsafe memory.withBytes { (bytes) throws(DatapathError) in
            let record = unsafe bytes.bindMemory(to: Record.self).baseAddress!
            unsafe record.pointee.spi = parameters.spi
            unsafe record.pointee.peer = parameters.peer.rawValue
            unsafe record.pointee.identity = parameters.identity.rawValue
            unsafe record.pointee.suite = parameters.suite
            let secret = unsafe Self.part(bytes, Record.keyOffset, Int(PS_KEY_LEN))
            unsafe key.write(secret, Self.part(bytes, Record.saltOffset, Int(PS_SALT_LEN)))
            precondition(unsafe secret.contains { $0 != 0 }, "the key was not written")
            try kernel { () throws(BPFError) in try unsafe map.write(slot, from: UnsafeRawBufferPointer(bytes)) }
        }
    }

    private static func part(
        _ bytes: UnsafeMutableRawBufferPointer, _ offset: Int, _ count: Int
    ) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    func wipe(_ slot: UInt32) throws(DatapathError) {
        try kernel { () throws(BPFError) in try map.clear(slot) }
    }

    /// Whose the slot is, without its key; nil for an empty one. The deadline is not part of the record.
    func parameters(of slot: UInt32, deadline: UInt64 = 0) throws(DatapathError) -> SAParameters? {
        let memory = SecretMemory(byteCount: MemoryLayout<Record>.size)
        return try unsafe memory.withBytes { (bytes) throws(DatapathError) in
            _ = try kernel { () throws(BPFError) in try unsafe map.read(slot, into: bytes) }
            let record = unsafe bytes.bindMemory(to: Record.self).baseAddress!
            guard unsafe bytes.contains(where: { $0 != 0 }) else { return nil }
            return unsafe SAParameters(
                spi: record.pointee.spi, peer: NodeNumber(rawValue: record.pointee.peer),
                identity: NumericIdentity(rawValue: record.pointee.identity), suite: record.pointee.suite,
                deadline: deadline)
        }
    }
}

extension SASlots<ps_sa_out> {
    /// The counter alone.
    func sequence(of slot: UInt32) throws(DatapathError) -> UInt64 {
        let memory = SecretMemory(byteCount: MemoryLayout<ps_sa_out>.size)
        return try unsafe memory.withBytes { (bytes) throws(DatapathError) in
            _ = try kernel { () throws(BPFError) in try unsafe map.read(slot, into: bytes) }
            return unsafe bytes.load(fromByteOffset: MemoryLayout<ps_sa_out>.offset(of: \.seq)!, as: UInt64.self)
        }
    }
}
