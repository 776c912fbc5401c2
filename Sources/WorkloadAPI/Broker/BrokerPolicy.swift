public import Identity

/// Which brokers there are, and how each may refer to workloads. Who is not among them gets no connection.
public struct BrokerPolicy: Sendable, Equatable {
    /// The standard's two kinds of references.
    public enum ReferenceKind: String, Sendable, CaseIterable {
        case process = "WorkloadPIDReference"
        case kubernetes = "KubernetesObjectReference"
    }

    public struct Grant: Sendable, Equatable {
        public let references: Set<ReferenceKind>
        /// Of these, those that may come by TCP, too; never processes.
        public let overTCP: Set<ReferenceKind>

        public init(references: Set<ReferenceKind>, overTCP: Set<ReferenceKind> = []) {
            self.references = references
            self.overTCP = overTCP
        }
    }

    private let grants: [SPIFFEID: Grant]

    public init(_ grants: [SPIFFEID: Grant]) { self.grants = grants }

    var brokers: Set<SPIFFEID> { Set(grants.keys) }

    /// Whose identities a broker is given on nobody's behalf. With another broker's it would have what that may do, too, and the
    /// list would say nothing any more; its own it has anyway.
    func withheld(from broker: Broker) -> Set<SPIFFEID> { brokers.subtracting([broker.id]) }

    func check(_ kind: ReferenceKind, of broker: Broker) throws(Denial) {
        guard let grant = grants[broker.id], grant.references.contains(kind) else {
            throw .forbidden("\(broker.id) may not use a \(kind.rawValue)")
        }
        guard broker.origin != .network || (grant.overTCP.contains(kind) && kind != .process) else {
            throw .forbidden("\(broker.id) may not use a \(kind.rawValue) over TCP")
        }
        guard kind != .process || broker.origin == .node else {
            let reason = "is in a PID namespace of its own: its numbers of processes are not the node's"
            throw .forbidden("\(broker.id) \(reason)")
        }
    }
}

/// Who makes a call of the Broker API, as its connection says.
struct Broker: Sendable, Equatable {
    /// Where it is, which says what it can mean by the number of a process (SPIFFE_Broker_API.md section 3.1.2).
    enum Origin: Sendable, Equatable {
        /// It came by the socket, and counts processes as the node does.
        case node
        /// By the socket, from a PID namespace of its own, or nobody knows any more from which.
        case otherNamespace
        /// By TCP. From this machine, too: the connection does not say of which process it is.
        case network
    }

    let id: SPIFFEID
    let origin: Origin
    let connection: UInt64
}
