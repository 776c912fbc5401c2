internal import AuthorityAPI
package import SwiftProtobuf
package import WorkloadProtocol

/// Whom a request of the Broker API is for, as the broker says; nothing of it is known to be true.
package enum WorkloadReference: Sendable, Equatable {
    case process(UInt32)
    case pod(PodReference)
    /// An object of another type: this node knows of pods alone.
    case otherObject(type: String)

    static let prefix = "type.googleapis.com/spiffe.broker."

    /// Which of the standard's kinds it is. The type's URL has to be as the standard writes it.
    package static func kind(
        of message: Spiffe_Broker_WorkloadReference
    ) throws(ReferenceError) -> BrokerPolicy.ReferenceKind {
        let url = message.reference.typeURL
        guard !url.isEmpty else { throw .missing }
        guard url.hasPrefix(prefix),
            let kind = BrokerPolicy.ReferenceKind(rawValue: String(url.dropFirst(prefix.count)))
        else { throw .unknownType }
        return kind
    }

    /// - Parameter unknown: what else the request says that is not known here.
    package init(
        _ message: Spiffe_Broker_WorkloadReference, besideUnknown unknown: UnknownStorage = UnknownStorage()
    ) throws(ReferenceError) {
        // What we do not know might narrow down what we do.
        let unknown = [unknown, message.unknownFields, message.reference.unknownFields]
        guard unknown.allSatisfy(\.data.isEmpty) else { throw .unknownField }
        let bytes = message.reference.value
        do {
            switch try Self.kind(of: message) {
            case .process: try self.init(Spiffe_Broker_WorkloadPIDReference(serializedBytes: bytes))
            case .kubernetes: try self.init(Spiffe_Broker_KubernetesObjectReference(serializedBytes: bytes))
            }
        } catch let error as ReferenceError {
            throw error
        } catch {
            throw .unreadable
        }
    }

    private init(_ message: Spiffe_Broker_WorkloadPIDReference) throws(ReferenceError) {
        guard message.unknownFields.data.isEmpty else { throw .unknownField }
        guard let number = UInt32(exactly: message.pid), number > 0 else { throw .processNumber }
        self = .process(number)
    }

    private init(_ message: Spiffe_Broker_KubernetesObjectReference) throws(ReferenceError) {
        let unknown = [message.unknownFields, message.type.unknownFields, message.key.unknownFields]
        guard unknown.allSatisfy(\.data.isEmpty) else { throw .unknownField }
        guard Self.isName(message.type.plural), Self.isName(message.type.group) else { throw .objectType }
        guard message.hasKey || !message.uid.isEmpty else { throw .noObject }
        let uid = message.uid.isEmpty ? nil : PodUID(message.uid)
        guard message.uid.isEmpty || uid != nil else { throw .uid }
        let isPod = message.type.plural == "pods" && message.type.group == "core"
        if message.hasKey {
            guard Self.isName(message.key.name) else { throw .objectName }
            // Objects of a cluster have no namespace; pods have.
            guard Self.isName(message.key.namespace) || (message.key.namespace.isEmpty && !isPod) else {
                throw .objectNamespace
            }
        }
        guard isPod else {
            self = .otherObject(type: "\(message.type.plural) of \(message.type.group)")
            return
        }
        let name = PodReference.Name(namespace: message.key.namespace, name: message.key.name)
        self = .pod(PodReference(name: message.hasKey ? name : nil, uid: uid))
    }

    private static func isName(_ text: String) -> Bool { PodFacts.isName(text) }
}

extension WorkloadReference: CustomStringConvertible {
    package var description: String {
        switch self {
        case .process(let number): "process \(number)"
        case .pod(let pod): "pod \(pod)"
        case .otherObject(let type): "one of the \(type)"
        }
    }
}

/// Why a reference is none. In words of ours alone: what came is the broker's.
package enum ReferenceError: Error, Equatable {
    case missing
    case unknownType
    case unreadable
    case unknownField
    case processNumber
    case objectType
    case noObject
    case objectName
    case objectNamespace
    case uid
}

extension ReferenceError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing: "the request refers to no workload"
        case .unknownType:
            "the reference is neither \(WorkloadReference.prefix)WorkloadPIDReference nor KubernetesObjectReference"
        case .unreadable: "the reference is not a message of its type"
        case .unknownField: "the reference has a field that is not known here"
        case .processNumber: "pid is not positive"
        case .objectType: "type needs a plural and a group, core for the group without a name"
        case .noObject: "neither key nor uid is set"
        case .objectName: "key needs the name of an object"
        case .objectNamespace: "key needs the namespace of the object"
        case .uid: "uid is not a UUID"
        }
    }
}
