import AdminAPI

/// `psid status -o json`.
struct StatusDocument: Encodable {
    let version: String
    let instance: String
    let role: String
    let trustDomain: String
    let startedAt: Timestamp?
    let ready: Bool
    let findings: [Finding]
    let node: Node?
    let authority: Authority?
    let datapath: Datapath?

    struct Finding: Encodable {
        let code: String
        /// `error` or `warning`.
        let severity: String
        let message: String
    }

    struct Node: Encodable {
        let spiffeID: String?
        let number: UInt32?
        let address: String
        let linkPort: UInt32
        let espPort: UInt32
        let svidNotBefore: Timestamp?
        let svidNotAfter: Timestamp?
        let authorityAddress: String?
        let authorityConnected: Bool
        let authorityLastContact: Timestamp?
        let directoryRevision: UInt64
        let pods: UInt32
        let peers: UInt32
        let peersConnected: UInt32
    }

    struct Authority: Encodable {
        let spiffeID: String
        let listenAddress: String
        let rootFingerprint: String
        let caNotAfter: Timestamp?
        let entries: UInt32
        let nodes: UInt32
        let directoryRevision: UInt64
    }

    struct Datapath: Encodable {
        let permissive: Bool
        let attachment: String?
        let uplinks: [String]
        let protected: [String]
        let packetsSealed: UInt64
        let packetsOpened: UInt64
        let packetsDropped: UInt64
        let eventsLost: UInt64
    }
}

extension StatusDocument {
    init(_ status: Podshield_Admin_V1_StatusResponse) {
        version = status.version
        instance = status.instance
        role = status.role.word
        trustDomain = status.trustDomain
        startedAt = Timestamp(unix: status.startedAt)
        ready = status.ready
        findings = status.findings.map(Finding.init)
        node = status.hasNode ? Node(status.node) : nil
        authority = status.hasAuthority ? Authority(status.authority) : nil
        datapath = status.hasDatapath ? Datapath(status.datapath) : nil
    }

    /// Whether the daemon does all that its role asks of it.
    var isSound: Bool { ready && !findings.contains { $0.severity == "error" } }
}

extension StatusDocument.Finding {
    init(_ finding: Podshield_Admin_V1_Finding) {
        code = finding.code
        severity = finding.isError ? "error" : "warning"
        message = finding.message
    }
}

extension StatusDocument.Node {
    init(_ node: Podshield_Admin_V1_NodeStatus) {
        spiffeID = node.spiffeID.known
        number = node.number.known
        address = node.address
        linkPort = node.linkPort
        espPort = node.espPort
        svidNotBefore = Timestamp(unix: node.svidNotBefore)
        svidNotAfter = Timestamp(unix: node.svidNotAfter)
        authorityAddress = node.authorityAddress.known
        authorityConnected = node.authorityConnected
        authorityLastContact = Timestamp(unix: node.authorityLastContact)
        directoryRevision = node.directoryRevision
        pods = node.pods
        peers = node.peers
        peersConnected = node.peersConnected
    }
}

extension StatusDocument.Authority {
    init(_ authority: Podshield_Admin_V1_AuthorityStatus) {
        spiffeID = authority.spiffeID
        listenAddress = authority.listenAddress
        rootFingerprint = authority.rootFingerprint
        caNotAfter = Timestamp(unix: authority.caNotAfter)
        entries = authority.entries
        nodes = authority.nodes
        directoryRevision = authority.directoryRevision
    }
}

extension StatusDocument.Datapath {
    init(_ datapath: Podshield_Admin_V1_DatapathStatus) {
        permissive = datapath.permissive
        attachment = datapath.attachment.known
        uplinks = datapath.uplinks
        protected = datapath.protected
        packetsSealed = datapath.packetsSealed
        packetsOpened = datapath.packetsOpened
        packetsDropped = datapath.packetsDropped
        eventsLost = datapath.eventsLost
    }
}

extension Podshield_Admin_V1_Role {
    var word: String {
        switch self {
        case .standalone: "standalone"
        case .authority: "authority"
        case .node: "node"
        case .unspecified, .UNRECOGNIZED: "unknown"
        }
    }
}
