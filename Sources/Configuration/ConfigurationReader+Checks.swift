import Addressing

/// What can only be said of several values together.
extension ConfigurationReader {
    mutating func check(
        _ name: RoleName, _ role: PodshieldConfiguration.Role?, _ protected: [IPPrefix],
        _ paths: PodshieldConfiguration.Paths
    ) {
        refuseKeysOfOtherRoles(name)
        checkSocketPath(name == .authority ? paths.adminSocket : paths.workloadSocket)
        if name != .authority { checkProtected(protected) }
        checkOutside(protected)
        if case .standalone(let node, let authority) = role { checkPorts(node, authority) }
        if let path = role?.node?.broker?.socket { checkBrokerSocket(path, paths) }
    }

    private mutating func refuseKeysOfOtherRoles(_ role: RoleName) {
        for key in ConfigurationKey.allCases where document.nodes[key] != nil && !key.belongs(to: role) {
            document.report("says nothing to role \(role.rawValue)", at: key)
        }
    }

    /// Of the longest one.
    private mutating func checkSocketPath(_ path: String) {
        guard path.utf8.count > Self.longestSocketPath else { return }
        let key = document.has(.pathsRun) ? ConfigurationKey.pathsRun : .instance
        document.report("a socket's path would have more than \(Self.longestSocketPath) bytes", at: key)
    }

    /// `sun_path` of sockaddr_un(7) without its zero.
    private static let longestSocketPath = 107

    /// Workloads may look into their own directory, and the admin socket is for nobody else.
    private mutating func checkBrokerSocket(_ path: String, _ paths: PodshieldConfiguration.Paths) {
        if path.utf8.count > Self.longestSocketPath {
            document.report("a socket's path has at most \(Self.longestSocketPath) bytes", at: .brokerSocket)
        }
        // What follows compares paths as they are written.
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        if parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) {
            document.report("has a part that is empty, '.' or '..'", at: .brokerSocket)
        }
        let directory = paths.workloadSocket.dropLast("api.sock".count)
        if path.hasPrefix(directory) {
            document.report("lies in \(directory), the directory of the Workload API's socket", at: .brokerSocket)
        }
        if path == paths.adminSocket || paths.locks.contains(path) {
            document.report("is taken by the daemon itself", at: .brokerSocket)
        }
    }

    private mutating func checkProtected(_ protected: [IPPrefix]) {
        let isPermissive = document.text(.permissive) == "true"
        if !isPermissive, !document.has(.protected) || document.isEmptyList(.protected) {
            document.report("is missing: which prefixes hold pods?", at: .protected)
        }
        // The kernel's table keeps both families in one form.
        if let wide = protected.first(where: \.holdsMappedIPv4) {
            document.report(
                "\(wide) would take all of IPv4 with it: give the IPv6 prefixes that hold pods", at: .protected)
        }
        let size = document.text(.tablesProtectedPrefixes).flatMap(Int.init) ?? 256
        if protected.count > size {
            document.report("\(protected.count) prefixes, tables.protected-prefixes is \(size)", at: .protected)
        }
    }

    /// Where nodes and the authority are is never sealed: they could not even agree on keys.
    private mutating func checkOutside(_ protected: [IPPrefix]) {
        var addresses: [(ConfigurationKey, IPAddress?)] = [
            (.nodeAddress, document.text(.nodeAddress).flatMap(IPAddress.init)),
            (.authorityListen, document.text(.authorityListen).flatMap(IPAddress.init)),
            (.authorityAdvertise, document.text(.authorityAdvertise).flatMap(Endpoint.init)?.address),
            (.downstreamAddress, document.text(.downstreamAddress).flatMap(IPAddress.init)),
            (.upstreamSPIREServer, document.text(.upstreamSPIREServer).flatMap(Endpoint.init)?.address),
            (.brokerListen, document.text(.brokerListen).flatMap(Endpoint.init)?.address),
        ]
        addresses += document.texts(.joinAuthority).map { (.joinAuthority, Endpoint($0)?.address) }
        for (key, address) in addresses {
            guard let address, let prefix = protected.first(where: { $0.contains(address) }) else { continue }
            document.report("\(address) lies inside \(prefix), which is protected", at: key)
        }
    }

    private mutating func checkPorts(_ node: PodshieldConfiguration.Node, _ authority: PodshieldConfiguration.Authority)
    {
        guard node.linkPort == authority.port else { return }
        document.report("\(authority.port) is the port of the node link too", at: .authorityPort)
    }
}

extension ConfigurationKey {
    fileprivate func belongs(to role: RoleName) -> Bool {
        switch section {
        case "authority", "pkcs11", "vault", "x509pop", "tpm", "kubernetes", "upstream-disk",
            "upstream-vault-pki", "upstream-spire", "downstream", "bundle-endpoint", "federation", "etcd":
            role != .node
        case "join": role == .node
        case "node", "link", "sds", "broker", "datapath", "tables", "netns-helper": role != .authority
        default: role != .authority || (self != .permissive && self != .uplinks)
        }
    }
}
