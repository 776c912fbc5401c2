import AdminAPI
import Foundation

/// Answers of a daemon that is well.
enum Messages {
    /// 2025-11-25T19:16:17Z
    static let noon: Int64 = 1_764_098_177

    static let status: Podshield_Admin_V1_StatusResponse = {
        var status = Podshield_Admin_V1_StatusResponse()
        status.version = "0.1.0"
        status.instance = "default"
        status.role = .standalone
        status.trustDomain = "example.org"
        status.startedAt = noon
        status.ready = true
        status.node.spiffeID = "spiffe://example.org/podshield/node/node-a"
        status.node.number = 1
        status.node.address = "192.0.2.11"
        (status.node.linkPort, status.node.espPort) = (7600, 4500)
        (status.node.svidNotBefore, status.node.svidNotAfter) = (noon, noon + 3600)
        status.node.authorityAddress = "192.0.2.11:7601"
        status.node.authorityConnected = true
        status.node.authorityLastContact = noon
        status.node.directoryRevision = 7
        (status.node.pods, status.node.peers, status.node.peersConnected) = (3, 2, 1)
        status.authority.spiffeID = "spiffe://example.org/podshield/authority/authority"
        status.authority.listenAddress = "192.0.2.11:7601"
        status.authority.rootFingerprint = "ab12"
        status.authority.caNotAfter = noon + 86400
        (status.authority.entries, status.authority.nodes, status.authority.directoryRevision) = (4, 2, 7)
        status.datapath.attachment = "tcx"
        status.datapath.uplinks = ["eth0", "eth1"]
        status.datapath.protected = ["10.42.0.0/16", "fd42::/48"]
        (status.datapath.packetsSealed, status.datapath.packetsOpened) = (10, 9)
        status.datapath.packetsDropped = 8
        return status
    }()

    static func finding(_ code: String, isError: Bool, _ message: String) -> Podshield_Admin_V1_Finding {
        var finding = Podshield_Admin_V1_Finding()
        (finding.code, finding.isError, finding.message) = (code, isError, message)
        return finding
    }

    static let peers: Podshield_Admin_V1_PeersResponse = {
        var inbound = Podshield_Admin_V1_SecurityAssociation()
        (inbound.inbound, inbound.spi, inbound.identity) = (true, 0x1234, 257)
        inbound.spiffeID = "spiffe://example.org/ns/shop/sa/db"
        (inbound.deadline, inbound.packets, inbound.bytes) = (noon + 7200, 5, 500)
        var outbound = inbound
        (outbound.inbound, outbound.spi, outbound.identity) = (false, 0x9abc_def0, 256)
        outbound.spiffeID = "spiffe://example.org/ns/shop/sa/web"
        var connected = Podshield_Admin_V1_Peer()
        (connected.name, connected.spiffeID) = ("node-b", "spiffe://example.org/podshield/node/node-b")
        (connected.number, connected.address, connected.espPort, connected.state) = (
            2, "192.0.2.12", 4500, .established
        )
        (connected.epoch, connected.epochStartedAt, connected.epochEndsAt) = ("0a0b", noon, noon + 3600)
        (connected.suite, connected.tlsGroup, connected.postQuantum) = ("chacha20-poly1305", "X25519", true)
        connected.associations = [inbound, outbound]
        var idle = Podshield_Admin_V1_Peer()
        (idle.name, idle.spiffeID) = ("node-c", "spiffe://example.org/podshield/node/node-c")
        (idle.number, idle.address, idle.espPort, idle.state) = (3, "2001:db8::3", 4500, .connecting)
        idle.lastError = "no route\nto host"
        var response = Podshield_Admin_V1_PeersResponse()
        response.peers = [connected, idle]
        return response
    }()

    static let pod: Podshield_Admin_V1_Pod = {
        var pod = Podshield_Admin_V1_Pod()
        (pod.facts.name, pod.facts.namespace, pod.facts.serviceAccount) = ("web-0", "shop", "web")
        (pod.facts.labels, pod.facts.netns) = (["app": "web", "a": "b"], "/run/netns/web-0")
        (pod.spiffeID, pod.identity) = ("spiffe://example.org/ns/shop/sa/web", 256)
        pod.addresses = ["10.42.1.10", "fd42::a"]
        (pod.hostInterface, pod.hostIfindex, pod.mtu) = ("pod-web-0", 7, 1434)
        (pod.svidNotAfter, pod.addedAt) = (noon + 3600, noon)
        return pod
    }()

    /// A pod that the authority knows nothing of.
    static let anonymousPod: Podshield_Admin_V1_Pod = {
        var pod = Podshield_Admin_V1_Pod()
        (pod.facts.name, pod.facts.namespace, pod.facts.serviceAccount) = ("job-1", "batch", "default")
        (pod.facts.netns, pod.hostInterface, pod.mtu) = ("/run/netns/job-1", "pod-job-1", 1434)
        return pod
    }()

    static let issued: Podshield_Admin_V1_IssueResponse = {
        var response = Podshield_Admin_V1_IssueResponse()
        (response.spiffeID, response.serial) = ("spiffe://example.org/ns/shop/sa/web", "0a1b")
        (response.notBefore, response.notAfter, response.identity) = (noon, noon + 3600, 256)
        response.node = "spiffe://example.org/podshield/node/node-a"
        response.chain = [Data("leaf".utf8), Data(repeating: 0xff, count: 50)]
        response.bundle = [Data("root".utf8)]
        response.pod = pod
        return response
    }()

    static let entry: Podshield_Admin_V1_Entry = {
        var entry = Podshield_Admin_V1_Entry()
        (entry.id, entry.spiffeID) = ("e1", "spiffe://example.org/ns/shop/sa/web")
        entry.parentID = "spiffe://example.org/podshield/node/node-a"
        entry.selectors = ["k8s:ns:shop", "k8s:pod-label:app:web"]
        entry.labels = ["tier": "front"]
        (entry.svidTtl, entry.dnsNames, entry.createdAt) = (600, ["web.example.org"], noon)
        return entry
    }()
}
