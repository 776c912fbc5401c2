import Addressing
import AuthorityAPI
import NetnsProtocol
import PodState

@testable import PodshieldDaemon

func podRecord(
    _ name: String = "web-0", namespace: String = "shop", labels: [String: String] = ["app": "web"],
    interface: String? = nil, index: UInt32 = 7, uid: String? = nil
) throws -> PodRecord {
    PodRecord(
        facts: try PodFacts(
            namespace: namespace, serviceAccount: "web", name: name, labels: labels, uid: uid.flatMap(PodUID.init)),
        namespace: NamespacePath("/run/netns/\(name)")!, interface: interface,
        device: HostDevice(index: index, name: "pod-\(name)", hardwareAddress: [2, 0, 0, 0, 0, UInt8(index)]),
        mac: [2, 0, 0, 0, 1, UInt8(index)],
        addresses: [IPAddress("10.42.1.\(index)")!, IPAddress("fd42::\(index)")!], mtu: 1435, addedAt: 1_790_000_000)
}
