/// Events of the kernel side, its devices and its pods. Those of packets are `packet(_:)`.
extension Event {
    /// - Parameter isAdopted: what an earlier run left pinned goes on.
    public static func datapathLoaded(attachment: String, isAdopted: Bool) -> Event {
        Event(
            .datapathLoaded,
            "the datapath is \(isAdopted ? "taken over from an earlier run" : "loaded") (\(attachment))",
            [.attachment: attachment])
    }

    public static func datapathFailed(operation: String, reason: String) -> Event {
        Event(
            .datapathFailed, "\(operation) failed: \(reason)", [.component: operation, .reason: reason])
    }

    public static func datapathUninstalled(removed: Int) -> Event {
        Event(
            .datapathUninstalled, "the datapath is uninstalled, pods' packets are neither sealed nor checked",
            [.count: "\(removed)"])
    }

    public static func protectedChanged(prefixes: [String]) -> Event {
        let list = prefixes.joined(separator: ", ")
        return Event(.protectedChanged, "protected prefixes: \(list)", [.prefixes: list])
    }

    public static func uplinkAttached(interface: String, index: UInt32, attachment: String) -> Event {
        Event(
            .uplinkAttached, "uplink \(interface) is hooked (\(attachment))",
            [.interface: interface, .interfaceIndex: "\(index)", .attachment: attachment])
    }

    public static func uplinkGone(interface: String, index: UInt32) -> Event {
        Event(.uplinkGone, "uplink \(interface) is gone", [.interface: interface, .interfaceIndex: "\(index)"])
    }

    /// Packets may leave by it unseen.
    public static func uplinkFailed(interface: String, reason: String) -> Event {
        Event(
            .uplinkFailed, "device \(interface) is not hooked: \(reason)",
            [.interface: interface, .reason: reason])
    }

    public static func uplinkMissing(interface: String) -> Event {
        Event(.uplinkMissing, "uplink \(interface) is not there", [.interface: interface])
    }

    public static func noUplink(reason: String) -> Event {
        Event(.noUplink, "no uplink is hooked: \(reason)", [.reason: reason])
    }

    public static func kernelEventsLost(_ count: UInt64) -> Event {
        Event(.kernelEventsLost, "\(count) events of the kernel programs were lost", [.count: "\(count)"])
    }

    public static func podAdded(
        pod: String, namespace: String, interface: String, index: UInt32, addresses: [String]
    ) -> Event {
        let list = addresses.joined(separator: ", ")
        return Event(
            .podAdded, "pod \(namespace)/\(pod) is hooked at \(interface): \(list)",
            [
                .pod: pod, .namespace: namespace, .interface: interface, .interfaceIndex: "\(index)",
                .prefixes: list,
            ])
    }

    public static func podAddFailed(pod: String, namespace: String, reason: String) -> Event {
        Event(
            .podAddFailed, "pod \(namespace)/\(pod) was not added: \(reason)",
            [.pod: pod, .namespace: namespace, .reason: reason])
    }

    public static func podAdopted(pod: String, namespace: String, interface: String) -> Event {
        Event(
            .podAdopted, "pod \(namespace)/\(pod) of an earlier run goes on at \(interface)",
            [.pod: pod, .namespace: namespace, .interface: interface])
    }

    public static func podRemoved(pod: String, namespace: String) -> Event {
        Event(.podRemoved, "pod \(namespace)/\(pod) was removed", [.pod: pod, .namespace: namespace])
    }

    public static func podGone(pod: String, namespace: String, reason: String) -> Event {
        Event(
            .podGone, "pod \(namespace)/\(pod) is no longer there: \(reason)",
            [.pod: pod, .namespace: namespace, .reason: reason])
    }

    /// All its packets drop.
    public static func podWithoutIdentity(pod: String, namespace: String, reason: String) -> Event {
        Event(
            .podWithoutIdentity, "pod \(namespace)/\(pod) has no identity, its packets drop: \(reason)",
            [.pod: pod, .namespace: namespace, .reason: reason])
    }
}
