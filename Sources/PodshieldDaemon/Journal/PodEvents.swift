import Addressing
import NodeIdentity
import PodState
import Telemetry

extension Event {
    static func podAdded(_ pod: PodRecord) -> Event {
        podAdded(
            pod: pod.name.name, namespace: pod.name.namespace, interface: pod.device.name, index: pod.device.index,
            addresses: pod.addresses.map(\.description))
    }

    static func podAdopted(_ pod: PodRecord) -> Event {
        podAdopted(pod: pod.name.name, namespace: pod.name.namespace, interface: pod.device.name)
    }

    static func podRemoved(_ pod: PodName) -> Event { podRemoved(pod: pod.name, namespace: pod.namespace) }

    static func podLost(_ pod: PodName) -> Event {
        podGone(pod: pod.name, namespace: pod.namespace, reason: "its interface has gone")
    }

    static func podWithoutIdentity(_ pod: PodName, reason: String) -> Event {
        podWithoutIdentity(pod: pod.name, namespace: pod.namespace, reason: reason)
    }
}
