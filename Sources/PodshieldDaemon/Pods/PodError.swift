import Addressing
import AuthorityAPI
import Datapath
import NetnsProtocol
import NodeIdentity
import PodState

/// Why something was not done with a pod.
enum PodError: Error {
    /// Another pod has the name: another service account, UID, network namespace or interface.
    case exists(PodName)
    case notFound(String, nearest: [String])
    /// Pods in several namespaces have the name.
    case ambiguous(String, namespaces: [String])
    case network(PodName, PodNetworkError)
    case noAddress(PodName)
    /// Packets from and to it would not be sealed.
    case unprotected(PodName, IPAddress)
    case tooManyAddresses(PodName, most: Int)
    /// Brokers could not tell the two apart.
    case uidHeld(PodUID, by: PodName)
    /// The interface is another pod's.
    case deviceHeld(device: String, by: PodName)
    case deviceGone(PodName)
    case datapath(PodName, DatapathError)
    case store(PodStoreError)
    /// The pod is held, and all its packets drop until the authority gives it an identity.
    case withoutIdentity(PodName, AuthorityCallError)
    /// The SVID that is held stays in use.
    case notRenewed(PodName, AuthorityCallError)
}

extension PodError: CustomStringConvertible {
    var description: String {
        switch self {
        case .exists(let name):
            "there is a pod \(name) already, with another service account, UID, network namespace or interface"
        case .notFound(let name, _): "there is no pod \(name)"
        case .ambiguous(let name, let namespaces):
            "pod \(name) is in the namespaces \(namespaces.joined(separator: ", ")): say which"
        case .network(let name, let error): "the network namespace of pod \(name) cannot be prepared: \(error.message)"
        case .noAddress(let name): "pod \(name) has no global address"
        case .unprotected(let name, let address):
            "address \(address) of pod \(name) lies outside the protected prefixes"
        case .tooManyAddresses(let name, let most): "pod \(name) has more than \(most) addresses"
        case .uidHeld(let uid, let holder): "UID \(uid) is that of pod \(holder)"
        case .deviceHeld(let device, let holder): "interface \(device) is that of pod \(holder)"
        case .deviceGone(let name): "the interface of pod \(name) has gone"
        case .datapath(let name, let error): "the datapath does not take pod \(name): \(error)"
        case .store(let error): "the pods cannot be saved: \(error)"
        case .withoutIdentity(let name, let error):
            "pod \(name) is held without identity, so that its packets drop: \(error)"
        case .notRenewed(let name, let error): "the SVID of pod \(name) was not renewed and stays in use: \(error)"
        }
    }
}
