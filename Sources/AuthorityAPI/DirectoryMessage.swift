import Addressing
import Identity

extension Podshield_Authority_V1_Directory {
    public init(_ edition: DirectoryEdition) {
        self.init()
        let directory = edition.directory
        trustDomain = directory.trustDomain.name
        revision = directory.revision
        nodes = directory.nodes.map(Podshield_Authority_V1_Node.init)
        leases = directory.leases.map(Podshield_Authority_V1_Lease.init)
        workloads = directory.workloads.map(Podshield_Authority_V1_Workload.init)
        bundle = Podshield_Authority_V1_Bundle(edition.bundle)
        jwtBundle = Podshield_Authority_V1_JWTBundle(edition.jwtBundle)
        foreignBundles = edition.foreignBundles.map(Podshield_Authority_V1_ForeignBundle.init)
    }

    /// Everything in it must make sense, or nil: half a directory could turn an address over to the wrong node.
    func parsed(in expected: TrustDomain) -> DirectoryEdition? {
        guard trustDomain == expected.name, let bundle = bundle.parsed(in: expected),
            let jwtBundle = jwtBundle.parsed(in: expected)
        else { return nil }
        let nodes = nodes.compactMap { $0.parsed(in: expected) }
        let leases = leases.compactMap(\.parsed)
        let workloads = workloads.compactMap { $0.parsed(in: expected) }
        guard nodes.count == self.nodes.count, leases.count == self.leases.count,
            workloads.count == self.workloads.count,
            Set(nodes.map(\.number)).count == nodes.count, Set(nodes.map(\.id)).count == nodes.count,
            Set(workloads.map(\.number)).count == workloads.count
        else { return nil }
        let directory = Identity.Directory(
            trustDomain: expected, revision: revision, nodes: nodes, leases: leases, workloads: workloads)
        guard let foreign = Podshield_Authority_V1_ForeignBundle.parsed(foreignBundles, beside: expected) else {
            return nil
        }
        return DirectoryEdition(
            directory: directory, bundle: bundle, jwtBundle: jwtBundle, foreignBundles: foreign)
    }
}

extension Podshield_Authority_V1_Node {
    init(_ node: Identity.Directory.Node) {
        self.init()
        number = node.number.rawValue
        spiffeID = node.id.description
        endpoint = Podshield_Authority_V1_Endpoint(
            NodeEndpoint(address: node.address, linkPort: node.linkPort, espPort: node.espPort))
    }

    func parsed(in expected: TrustDomain) -> Identity.Directory.Node? {
        guard number > 0, let endpoint = endpoint.parsed, let id = try? SPIFFEID(spiffeID), id.trustDomain == expected,
            case .node = id.kind
        else { return nil }
        return Identity.Directory.Node(
            number: NodeNumber(rawValue: number), id: id, address: endpoint.address, linkPort: endpoint.linkPort,
            espPort: endpoint.espPort)
    }
}

extension Podshield_Authority_V1_Lease {
    init(_ lease: Identity.Directory.Lease) {
        self.init()
        prefix = Podshield_Authority_V1_Prefix(lease.prefix)
        node = lease.node.rawValue
        generation = lease.generation
    }

    var parsed: Identity.Directory.Lease? {
        guard node > 0, let prefix = prefix.parsed else { return nil }
        return Identity.Directory.Lease(prefix: prefix, node: NodeNumber(rawValue: node), generation: generation)
    }
}

extension Podshield_Authority_V1_Workload {
    init(_ workload: Identity.Directory.Workload) {
        self.init()
        number = workload.number.rawValue
        spiffeID = workload.id.description
        labels = workload.labels
    }

    func parsed(in expected: TrustDomain) -> Identity.Directory.Workload? {
        let number = NumericIdentity(rawValue: number)
        guard number.isWorkload, let id = try? SPIFFEID(spiffeID), id.trustDomain == expected, id.kind == .workload
        else {
            return nil
        }
        return Identity.Directory.Workload(number: number, id: id, labels: labels)
    }
}
