import Addressing
package import AdminAPI
import AuthorityAPI
import Identity
import NetnsProtocol
import NodeIdentity
import PodState

extension Podshield_Admin_V1_Pod {
    init(_ pod: HeldPod) {
        self.init()
        facts = Podshield_Admin_V1_PodFacts(pod.record)
        spiffeID = pod.issued.map { "\($0.svid.svid.id)" } ?? ""
        identity = pod.issued?.identity.rawValue ?? 0
        addresses = pod.record.addresses.map(\.description)
        hostInterface = pod.record.device.name
        hostIfindex = pod.record.device.index
        mtu = UInt32(pod.record.mtu)
        svidNotAfter = pod.issued?.svid.svid.notAfter ?? 0
        addedAt = pod.record.addedAt
    }
}

extension Podshield_Admin_V1_PodFacts {
    fileprivate init(_ record: PodRecord) {
        self.init()
        name = record.facts.name
        namespace = record.facts.namespace
        serviceAccount = record.facts.serviceAccount
        labels = record.facts.labels
        uid = record.facts.uid?.text ?? ""
        netns = record.namespace.text
        interface = record.interface ?? ""
    }
}

extension PodRequest {
    /// Says which of the facts is wrong.
    package init(_ message: Podshield_Admin_V1_PodFacts) throws(AdminError) {
        guard let namespace = NamespacePath(message.netns) else {
            throw AdminError(
                .invalid, "'\(message.netns)' is no place of network namespaces: /run/netns/NAME or /proc/PID/ns/net")
        }
        guard message.interface.isEmpty || PodNetworkRequest.isInterfaceName(message.interface) else {
            throw AdminError(.invalid, "'\(message.interface)' is no interface name")
        }
        let uid = PodUID(message.uid)
        guard message.uid.isEmpty || uid != nil else {
            throw AdminError(.invalid, "'\(message.uid)' is no UID of a pod")
        }
        do throws(PodFactsError) {
            facts = try PodFacts(
                namespace: message.namespace, serviceAccount: message.serviceAccount, name: message.name,
                labels: message.labels, uid: uid)
        } catch {
            throw AdminError(.invalid, "\(error)")
        }
        self.namespace = namespace
        interface = message.interface.isEmpty ? nil : message.interface
    }
}
