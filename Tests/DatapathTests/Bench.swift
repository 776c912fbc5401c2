import BPFBinding
import CPodshieldABI
import Datapath
import Foundation
import Identity
import KernelTestSupport
import LinuxBinding
import Testing

/// A datapath on a bpffs of its own, with few slots.
struct Bench {
    let bpffs: PrivateBPFFS
    var settings: DatapathSettings

    /// Built by `make bpf`; another one may be named in the environment.
    static let objectPath: String = {
        if let path = ProcessInfo.processInfo.environment["PODSHIELD_BPF_OBJECT"] { return path }
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return "/\(root)/build/bpf/podshield.bpf.o"
    }()

    init(_ attachment: AttachmentMode = .auto, slots: Int = 16) throws {
        bpffs = try PrivateBPFFS()
        settings = DatapathSettings(
            objectPath: Self.objectPath, bpffs: bpffs.path, instance: "test", attachment: attachment,
            securityAssociations: slots, peers: 8, localAddresses: 8, remoteAddresses: 8, pods: 4, protectedPrefixes: 8,
            eventRingBytes: 1 << 16)
    }

    func start() async throws -> Datapath { try await Datapath(settings) }

    func pin(_ map: String) -> String { "\(bpffs.path)/podshield/test/maps/\(map)" }
    func map(_ name: String) throws -> BPFMap { try BPFMap(pinnedAt: pin(name)) }

    /// A slot's bytes as the kernel has them.
    func bytes(_ name: String, _ slot: UInt32) throws -> [UInt8] {
        let map = try map(name)
        let memory = SecretMemory(byteCount: map.layout.valueSize)
        return try unsafe memory.withBytes { (buffer) throws(BPFError) in
            _ = try unsafe map.read(slot, into: buffer)
            return unsafe Array(buffer)
        }
    }
}

enum Sample {
    static let peer = NodeNumber(rawValue: 7)
    static let web = NumericIdentity(rawValue: 300)
    static let db = NumericIdentity(rawValue: 301)
    static let deadline: UInt64 = 1 << 60

    static func parameters(_ spi: UInt32, peer: NodeNumber = peer, identity: NumericIdentity = web) -> SAParameters {
        SAParameters(spi: spi, peer: peer, identity: identity, deadline: deadline)
    }

    /// 32 times `byte`, then 4 times its complement.
    static func key(_ byte: UInt8) -> SAKeyWriter {
        unsafe SAKeyWriter { key, salt in
            unsafe key.initializeMemory(as: UInt8.self, repeating: byte)
            unsafe salt.initializeMemory(as: UInt8.self, repeating: ~byte)
        }
    }

    static func keyBytes(_ byte: UInt8) -> [UInt8] {
        Array(repeating: byte, count: 32) + Array(repeating: ~byte, count: 4)
    }
}

extension Datapath {
    /// Reserves and installs.
    func accept(_ byte: UInt8, peer: NodeNumber = Sample.peer, identity: NumericIdentity = Sample.web) throws -> UInt32
    {
        let spi = try reserveInbound(peer: peer, identity: identity)
        try installInbound(Sample.parameters(spi, peer: peer, identity: identity), key: Sample.key(byte))
        return spi
    }
}

extension [UInt8] {
    var isZero: Bool { allSatisfy { $0 == 0 } }

    func contains(run: [UInt8]) -> Bool {
        indices.contains { self[$0...].starts(with: run) }
    }
}

extension DatapathError {
    /// The case's name, for comparing.
    var kind: String { Mirror(reflecting: self).children.first?.label ?? "\(self)" }
}
