import Addressing
import AuthorityAPI
import FoundationEssentials
import Identity
package import KeyAgreement
public import LinuxBinding
import NetnsProtocol

/// The file that lets pods outlive the daemon: `pods.json`, 0600, replaced whole.
package struct PodStore: Sendable {
    package let path: String

    /// Makes the directory unless it is there, and takes away what a writer left there that was killed.
    package init(directory: String) throws(PodStoreError) {
        do throws(PrivateFileError) {
            try PrivateDirectory.prepare(directory)
        } catch {
            throw .directory(error)
        }
        do throws(SystemError) { try AtomicFile.removeLeftovers(in: directory) } catch { throw .file(error) }
        self.init(existing: directory)
    }

    private init(existing directory: String) { path = directory + "/pods.json" }

    /// Looks at a directory as the next start will, and changes nothing. One that is not there yet is well.
    package static func inspect(directory: String) throws(PodStoreError) {
        guard FileManager.default.fileExists(atPath: directory) else { return }
        do throws(PrivateFileError) { try PrivateDirectory.check(directory) } catch { throw .directory(error) }
        _ = try PodStore(existing: directory).load()
    }

    package struct Saved: Equatable {
        package var pods: [PodRecord]
        /// What pods that have gone had, and peers may still take for theirs.
        package var former: Set<FormerHolding>

        package init(pods: [PodRecord] = [], former: Set<FormerHolding> = []) {
            self.pods = pods
            self.former = former
        }
    }

    /// Empty when there is no file yet.
    package func load() throws(PodStoreError) -> Saved {
        guard FileManager.default.fileExists(atPath: path) else { return Saved() }
        do {
            let file = try JSONDecoder().decode(Contents.self, from: Data(AtomicFile.read(path, limit: Self.largest)))
            guard file.version == Contents.current else { throw PodStoreError.unknownVersion(path, file.version) }
            return Saved(
                pods: try file.pods.map(PodRecord.init),
                former: Set(try (file.former ?? []).map(FormerHolding.init)))
        } catch let error as PodStoreError {
            throw error
        } catch let error as SystemError {
            throw .file(error)
        } catch {
            throw .unreadable(path, reason: "it is not what was written")
        }
    }

    package func save(_ saved: Saved) throws(PodStoreError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let contents = Contents(
            version: Contents.current, pods: saved.pods.map(StoredPod.init),
            former: saved.former.map(StoredHolding.init).sorted {
                ($0.address, $0.identity) < ($1.address, $1.identity)
            })
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
        let former: [StoredHolding]?
    }
}

/// A record as the file has it: plain text and numbers, checked anew when read.
private struct StoredPod: Codable {
    let namespace: String
    let name: String
    let serviceAccount: String
    let labels: [String: String]
    /// Not in files of versions that did not know of it.
    let uid: String?
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
        uid = pod.facts.uid?.text
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
        let uid = pod.uid.flatMap(PodUID.init)
        guard let namespace = NamespacePath(pod.netns), addresses.count == pod.addresses.count, pod.mac.count == 6,
            (uid == nil) == (pod.uid == nil)
        else { throw PodStoreError.nonsense(of: "pod \(pod.namespace)/\(pod.name)") }
        self.init(
            facts: try PodFacts(
                namespace: pod.namespace, serviceAccount: pod.serviceAccount, name: pod.name, labels: pod.labels,
                uid: uid),
            namespace: namespace, interface: pod.interface, device: pod.device, mac: pod.mac,
            addresses: addresses, mtu: pod.mtu, addedAt: pod.addedAt)
    }
}

private struct StoredHolding: Codable {
    let address: String
    let identity: UInt32

    init(_ holding: FormerHolding) {
        address = holding.address.description
        identity = holding.identity.rawValue
    }
}

extension FormerHolding {
    fileprivate init(_ stored: StoredHolding) throws {
        guard let address = IPAddress(stored.address) else {
            throw PodStoreError.nonsense(of: "address \(stored.address)")
        }
        self.init(address: address, identity: NumericIdentity(rawValue: stored.identity))
    }
}

/// Why the pods of an earlier run are not known, or those of this one not saved.
public enum PodStoreError: Error, Equatable {
    case directory(PrivateFileError)
    case file(SystemError)
    case unreadable(String, reason: String)
    case unknownVersion(String, Int)
    case nonsense(of: String)
}

extension PodStoreError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .directory(let error): "\(error)"
        case .file(let error): "\(error)"
        case .unreadable(let path, let reason): "\(path) cannot be used: \(reason)"
        case .unknownVersion(let path, let version): "\(path) has version \(version), which this program does not know"
        case .nonsense(let subject): "the record of \(subject) makes no sense"
        }
    }
}
