public import Identity
import PrintableText
import Yams

extension PodshieldConfiguration {
    /// Where components of the node that act for workloads connect, and who they are.
    public struct Broker: Sendable, Equatable {
        public var socket: String
        /// By TCP, too; its host is an address.
        public var listen: Endpoint?
        /// Never empty; each ID once.
        public var brokers: [AllowedBroker]

        /// What an element of `broker.brokers` may say.
        static let words = ["id", "references", "tcp-references"]
    }

    public struct AllowedBroker: Sendable, Equatable {
        /// Of the own trust domain.
        public var id: SPIFFEID
        /// Never empty.
        public var references: Set<BrokerReference>
        /// Some of these.
        public var tcpReferences: Set<BrokerReference>
    }

    /// How a broker may refer to a workload.
    public enum BrokerReference: String, Sendable, CaseIterable {
        case pid
        case kubernetes
    }
}

extension ConfigurationReader {
    mutating func broker() -> PodshieldConfiguration.Broker? {
        guard hasSection("broker") else { return nil }
        let instance = document.value(.instance, .instance, default: PodshieldConfiguration.defaultInstance)
        let run = document.value(.pathsRun, .path, default: PodshieldConfiguration.Paths.defaults(for: instance).run)
        let socket = document.value(
            .brokerSocket, .path, default: "\(run)/\(PodshieldConfiguration.Paths.broker)/broker.sock")
        let listen = document.value(.brokerListen, .listening)
        let elements = document.mappings(.brokerBrokers, of: PodshieldConfiguration.Broker.words)
        if !document.has(.brokerBrokers) || document.isEmptyList(.brokerBrokers) {
            document.report("is missing: who may act for workloads?", at: .brokerBrokers)
        }
        let brokers = elements.compactMap { broker($0, listen) }
        for (index, broker) in brokers.enumerated() where brokers[..<index].contains(where: { $0.id == broker.id }) {
            document.report("\(broker.id) stands more than once", at: .brokerBrokers)
        }
        guard !brokers.isEmpty else { return nil }
        return PodshieldConfiguration.Broker(socket: socket, listen: listen, brokers: brokers)
    }

    private mutating func broker(
        _ values: [String: Yams.Node], _ listen: Endpoint?
    ) -> PodshieldConfiguration.AllowedBroker? {
        guard let node = values["id"] else {
            document.report("an element has no id", at: .brokerBrokers)
            return nil
        }
        guard let id = document.parse(node, of: .brokerBrokers, .workloadID) else { return nil }
        if let own = document.text(.trustDomain), id.trustDomain.name != own {
            document.report("broker.brokers: \(id) is of another trust domain than \(own.quoted)", at: node.mark)
        }
        let references = Set(self.references(values["references"]))
        let overTCP = Set(self.references(values["tcp-references"]))
        if references.isEmpty {
            document.report("broker.brokers: \(id) has no references: which may it use?", at: node.mark)
        }
        for reference in PodshieldConfiguration.BrokerReference.allCases where overTCP.contains(reference) {
            let isAllowed = references.contains(reference)
            if let problem = problem(of: reference, isListening: listen != nil, isAllowed: isAllowed) {
                document.report(
                    "broker.brokers: \(reference.rawValue) in tcp-references of \(id) \(problem)", at: node.mark)
            }
        }
        return PodshieldConfiguration.AllowedBroker(id: id, references: references, tcpReferences: overTCP)
    }

    private mutating func references(_ node: Yams.Node?) -> [PodshieldConfiguration.BrokerReference] {
        document.list(node, of: .brokerBrokers, .word)
    }

    private func problem(
        of reference: PodshieldConfiguration.BrokerReference, isListening: Bool, isAllowed: Bool
    ) -> String? {
        guard isListening else { return "says nothing without broker.listen" }
        guard isAllowed else { return "is not among its references" }
        // A connection by TCP does not say whose numbers its broker's are (SPIFFE_Broker_API.md section 3.1.2).
        return reference == .pid ? "cannot be had: numbers of processes count by the socket alone" : nil
    }
}

extension PodshieldConfiguration.Broker {
    func text(_ key: ConfigurationKey) -> String? {
        switch key {
        case .brokerSocket: socket
        case .brokerListen: listen.map { "\($0)" }
        case .brokerBrokers:
            brokers.map { broker in
                "\(broker.id) \(broker.references.map(\.rawValue).sorted()) \(broker.tcpReferences.map(\.rawValue).sorted())"
            }.joined(separator: ", ")
        default: nil
        }
    }
}
