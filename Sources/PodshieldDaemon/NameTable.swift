import Addressing
import Identity
import NodeIdentity
import PodState
import Synchronization

/// Names for the numbers that kernel and key agreement speak in; may be asked from any thread.
final class NameTable: Sendable {
    private struct State {
        var directory: Directory?
        var workloads: [NumericIdentity: SPIFFEID] = [:]
        var nodes: [NodeNumber: Directory.Node] = [:]
        var podsByAddress: [IPAddress: PodName] = [:]
        var podsByDevice: [UInt32: PodName] = [:]
        var devices: [UInt32: String] = [:]
    }

    private let state = Mutex(State())

    func update(directory: Directory) {
        state.withLock { state in
            state.directory = directory
            state.workloads = Dictionary(directory.workloads.map { ($0.number, $0.id) }) { $1 }
            state.nodes = Dictionary(directory.nodes.map { ($0.number, $0) }) { $1 }
        }
    }

    func update(pods: [PodRecord]) {
        state.withLock { state in
            state.podsByDevice = Dictionary(pods.map { ($0.device.index, $0.name) }) { $1 }
            state.podsByAddress = Dictionary(pods.flatMap { pod in pod.addresses.map { ($0, pod.name) } }) { $1 }
        }
    }

    /// - Parameter name: nil for one that has gone.
    func update(device index: UInt32, name: String?) { state.withLock { $0.devices[index] = name } }

    var directory: Directory? { state.withLock { $0.directory } }

    func workload(_ number: NumericIdentity) -> SPIFFEID? { state.withLock { $0.workloads[number] } }
    func node(_ number: NodeNumber) -> Directory.Node? { state.withLock { $0.nodes[number] } }
    func device(_ index: UInt32) -> String? { state.withLock { $0.devices[index] } }
    func pod(device: UInt32) -> PodName? { state.withLock { $0.podsByDevice[device] } }
    func pod(address: IPAddress) -> PodName? { state.withLock { $0.podsByAddress[address] } }
}

extension SPIFFEID {
    /// The name of a node or an authority: the last segment.
    var lastSegment: String { path.split(separator: "/").last.map(String.init) ?? "" }
}
