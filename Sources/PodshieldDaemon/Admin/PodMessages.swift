import Addressing
package import AdminAPI
import AuthorityAPI
import Identity
import NetnsProtocol
import NodeIdentity
import PodState
import PrintableText

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
                .invalid,
                "\(message.netns.quoted) is no place of network namespaces: /run/netns/NAME or /proc/PID/ns/net",
                subject: message.netns)
        }
        guard message.interface.isEmpty || PodNetworkRequest.isInterfaceName(message.interface) else {
            throw AdminError(.invalid, "\(message.interface.quoted) is no interface name", subject: message.interface)
        }
        let uid = PodUID(message.uid)
        guard message.uid.isEmpty || uid != nil else {
            throw AdminError(.invalid, "\(message.uid.quoted) is no UID of a pod", subject: message.uid)
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
