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
        /// Of these, those that may come by TCP, too.
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
        guard !broker.isRemote || grant.overTCP.contains(kind) else {
            throw .forbidden("\(broker.id) may not use a \(kind.rawValue) over TCP")
        }
    }
}

/// Who makes a call of the Broker API, as its connection says.
struct Broker: Sendable, Equatable {
    let id: SPIFFEID
    /// It came by TCP.
    let isRemote: Bool
    let connection: UInt64
}
