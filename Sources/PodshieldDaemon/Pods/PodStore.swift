import Addressing
import AuthorityAPI
import FoundationEssentials
public import LinuxBinding
import NetnsProtocol

/// The file that lets pods outlive the daemon: `pods.json`, 0600, replaced whole.
struct PodStore: Sendable {
    let path: String

    init(directory: String) throws(PodStoreError) {
        do throws(PrivateFileError) {
            try PrivateDirectory.prepare(directory)
        } catch {
            throw .directory(error)
        }
        path = directory + "/pods.json"
    }

    /// Empty when there is no file yet.
    func load() throws(PodStoreError) -> [PodRecord] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        do {
            let file = try JSONDecoder().decode(Contents.self, from: Data(AtomicFile.read(path, limit: Self.largest)))
            guard file.version == Contents.current else { throw PodStoreError.unknownVersion(path, file.version) }
            return try file.pods.map(PodRecord.init)
        } catch let error as PodStoreError {
            throw error
        } catch let error as SystemError {
            throw .file(error)
        } catch {
            throw .unreadable(path, reason: "\(error)")
        }
    }

    func save(_ pods: [PodRecord]) throws(PodStoreError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let contents = Contents(version: Contents.current, pods: pods.map(StoredPod.init))
        do {
            try AtomicFile.write(Array(encoder.encode(contents)), to: path, mode: 0o600)
        } catch let error as SystemError {
            throw .file(error)
        } catch {
            throw .unreadable(path, reason: "\(error)")
        }
    }

    private static let largest = 64 << 20

    private struct Contents: Codable {
        static let current = 1
        let version: Int
        let pods: [StoredPod]
    }
}

/// A record as the file has it: plain text and numbers, checked anew when read.
private struct StoredPod: Codable {
    let namespace: String
    let name: String
    let serviceAccount: String
    let labels: [String: String]
    let netns: String
    let interface: String?
    let device: HostDevice
    let mac: [UInt8]
    let addresses: [String]
    let mtu: UInt16
    let addedAt: Int64

    init(_ pod: PodRecord) {
        namespace = pod.facts.namespace
        name = pod.facts.name
        serviceAccount = pod.facts.serviceAccount
        labels = pod.facts.labels
        netns = pod.namespace.text
        interface = pod.interface
        device = pod.device
        mac = pod.mac
        addresses = pod.addresses.map(\.description)
        mtu = pod.mtu
        addedAt = pod.addedAt
    }
}

extension PodRecord {
    fileprivate init(_ pod: StoredPod) throws {
        let addresses = pod.addresses.compactMap { IPAddress($0) }
        guard let namespace = NamespacePath(pod.netns), addresses.count == pod.addresses.count, pod.mac.count == 6
        else { throw PodStoreError.nonsense(pod: "\(pod.namespace)/\(pod.name)") }
        self.init(
            facts: try PodFacts(
                namespace: pod.namespace, serviceAccount: pod.serviceAccount, name: pod.name, labels: pod.labels),
            namespace: namespace, interface: pod.interface, device: pod.device, mac: pod.mac, addresses: addresses,
            mtu: pod.mtu, addedAt: pod.addedAt)
    }
}

/// Why the pods of an earlier run are not known, or those of this one not saved.
public enum PodStoreError: Error, Equatable {
    case directory(PrivateFileError)
    case file(SystemError)
    case unreadable(String, reason: String)
    case unknownVersion(String, Int)
    case nonsense(pod: String)
}

extension PodStoreError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .directory(let error): "\(error)"
        case .file(let error): "\(error)"
        case .unreadable(let path, let reason): "\(path) cannot be used: \(reason)"
        case .unknownVersion(let path, let version): "\(path) has version \(version), which this program does not know"
        case .nonsense(let pod): "the record of pod \(pod) makes no sense"
        }
    }
}
