import AdminAPI

/// A pod of this node: `psid pod add|remove -o json`, and each of `psid pod list`.
struct PodDocument: Encodable {
    let name: String
    let namespace: String
    let serviceAccount: String
    let labels: [String: String]
    let uid: String?
    let netns: String
    let interface: String?
    let spiffeID: String?
    let identity: UInt32?
    let addresses: [String]
    let hostInterface: String?
    let hostIfindex: UInt32?
    let mtu: UInt32?
    let svidNotAfter: Timestamp?
    let addedAt: Timestamp?
}

struct PodsDocument: Encodable {
    let pods: [PodDocument]
}

extension PodDocument {
    init(_ pod: Podshield_Admin_V1_Pod) {
        name = pod.facts.name
        namespace = pod.facts.namespace
        serviceAccount = pod.facts.serviceAccount
        labels = pod.facts.labels
        uid = pod.facts.uid.known
        netns = pod.facts.netns
        interface = pod.facts.interface.known
        spiffeID = pod.spiffeID.known
        identity = pod.identity.known
        addresses = pod.addresses
        hostInterface = pod.hostInterface.known
        hostIfindex = pod.hostIfindex.known
        mtu = pod.mtu.known
        svidNotAfter = Timestamp(unix: pod.svidNotAfter)
        addedAt = Timestamp(unix: pod.addedAt)
    }

    var sheet: Sheet {
        var sheet = Sheet()
        sheet.add("pod", "\(namespace)/\(name)")
        sheet.add("identity", spiffeID.map { "\($0) (\(identity ?? 0))" } ?? "none: its packets drop")
        sheet.add("addresses", addresses.joined(separator: ", "))
        sheet.add("interface", hostInterface.map { "\($0), MTU \(mtu ?? 0)" })
        return sheet
    }
}

extension PodsDocument {
    var table: [String] {
        var table = Table("NAMESPACE", "NAME", "SPIFFE ID", "IDENTITY", "ADDRESSES", "INTERFACE", "SVID UNTIL")
        for pod in pods {
            table.add(
                pod.namespace, pod.name, pod.spiffeID ?? "", pod.identity.map { "\($0)" } ?? "",
                pod.addresses.joined(separator: ","), pod.hostInterface ?? "", pod.svidNotAfter?.description ?? "")
        }
        return table.lines
    }
}
