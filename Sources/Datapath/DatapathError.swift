public import Addressing
public import BPFBinding
import Glibc
public import Identity
public import LinuxBinding

public enum DatapathError: Error, Sendable {
    case kernel(BPFError)
    case system(SystemError)
    /// Its whole release.
    case kernelTooOld(String)
    /// No BTF of the kernel.
    case kernelTypesMissing
    case missingCapabilities([Capability])
    /// The directory is in no mounted bpffs.
    case notBPFFS(String)
    case badInstanceName(String)
    case badTableSize(Int)
    case badMarkMask(UInt32)
    /// The object was compiled for another layout of a map or structure than this program.
    case objectMismatch(map: String, expected: String, found: String)
    case objectLacks(String)
    /// A map left by an earlier run differs from what is asked for now; the settings must agree or the datapath be
    /// uninstalled first.
    case pinnedMapMismatch(path: String, expected: String, found: String)
    /// The pinned maps are of a version that this program does not take over.
    case pinnedABIVersion(found: ABIVersions, ours: ABIVersions)
    case noSuchInterface(UInt32)
    /// Every slot is in use, being retired, or has used up its generations.
    case tableFull(SADirection)
    /// A map has no room for another entry.
    case mapFull(String)
    case unknownSA(spi: UInt32, SADirection)
    /// Several peers gave us this SPI: which is meant must be said.
    case ambiguousSPI(UInt32)
    case unsupportedSuite(UInt32)
    /// Below 256 (RFC 4303 section 2.1); 0 would even be read as a message that is no ESP (RFC 3948).
    case reservedSPI(UInt32)
    /// The address is held by another (peer, identity): the directory or the node link must settle that first.
    case addressHeld(IPAddress, peer: NodeNumber, identity: NumericIdentity)
    case localAddressHeld(IPAddress, interface: UInt32)
    case unknownPod(UInt32)
}

extension DatapathError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .kernel(let error): error.description
        case .system(let error): error.description
        case .kernelTooOld(let release): "Linux \(release) is too old: \(Datapath.oldestKernel) or newer is needed"
        case .kernelTypesMissing: "the kernel has no BTF: there is no /sys/kernel/btf/vmlinux"
        case .missingCapabilities(let missing): "lacks " + missing.map(\.name).joined(separator: ", ")
        case .notBPFFS(let path): "\(path) is not in a mounted bpffs"
        case .badInstanceName(let name): "'\(name)' is no instance name: letters, digits, '-' and '_' only"
        case .badTableSize(let size): "\(size) SA slots: must be a power of two from 2 to 65536"
        case .badMarkMask(let mask):
            "mark mask 0x\(String(mask, radix: 16)) must be two or more contiguous bits"
        case .objectMismatch(let map, let expected, let found):
            "the object was built for another ABI: \(map) should be \(expected), is \(found)"
        case .objectLacks(let what): "the object has no \(what)"
        case .pinnedMapMismatch(let path, let expected, let found):
            "\(path) is left by a run with other settings: \(expected) asked for, \(found) pinned"
        case .pinnedABIVersion(let found, let ours):
            "the pinned maps are of ABI \(found), this program is of ABI \(ours): start the version that made them, "
                + "or drain the node and uninstall the datapath"
        case .noSuchInterface(let index): "no interface has index \(index)"
        case .tableFull(let direction): "the \(direction.rawValue) SA table is full"
        case .mapFull(let map): "the table \(map) is full"
        case .unknownSA(let spi, let direction): "no \(direction.rawValue) SA has SPI \(spi)"
        case .ambiguousSPI(let spi): "several peers gave us SPI \(spi)"
        case .reservedSPI(let spi): "SPI \(spi) is reserved"
        case .unsupportedSuite(let suite): "suite \(suite) is not supported"
        case .addressHeld(let address, let peer, let identity):
            "\(address) is held by identity \(identity) of node \(peer)"
        case .localAddressHeld(let address, let interface): "\(address) is held by the pod at ifindex \(interface)"
        case .unknownPod(let index): "no pod is at ifindex \(index)"
        }
    }
}

extension DatapathError {
    /// What the kernel printed of programs that it does not take, many lines; empty for other errors.
    public var verifierLog: String {
        if case .kernel(let error) = self, error.operation == "bpf_object__load" { error.log } else { "" }
    }
}

/// Runs calls of the binding; their error becomes this layer's.
func kernel<Value>(_ body: () throws(BPFError) -> Value) throws(DatapathError) -> Value {
    do { return try body() } catch { throw error.isOfFullMap ? .mapFull(error.subject ?? "") : .kernel(error) }
}

extension BPFError {
    /// Hashes say `E2BIG`, tries `ENOSPC`.
    fileprivate var isOfFullMap: Bool { operation == "bpf_map_update_elem" && [E2BIG, ENOSPC].contains(code) }
}

/// The same for Linux's own interfaces.
func system<Value>(_ body: () throws(SystemError) -> Value) throws(DatapathError) -> Value {
    do { return try body() } catch { throw .system(error) }
}
