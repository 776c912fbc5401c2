internal import AuthorityAPI

/// What was said of containers: of as many as fit, the first ones go. That there is no such container holds for a while.
struct ContainerMemory {
    private struct Record {
        let facts: ContainerFacts?
        let keptAt: ContinuousClock.Instant
    }

    private let most: Int
    private let unknown: Duration
    private var records: [ContainerID: Record] = [:]
    /// Oldest first.
    private var order: [ContainerID] = []

    init(most: Int, unknown: Duration) {
        self.most = most
        self.unknown = unknown
    }

    subscript(id: ContainerID) -> ContainerKnowledge? {
        guard let record = records[id] else { return nil }
        if let facts = record.facts { return .known(facts) }
        return record.keptAt.duration(to: .now) < unknown ? .unknown : nil
    }

    /// - Parameter facts: nil where there is no such container.
    mutating func keep(_ id: ContainerID, _ facts: ContainerFacts?) -> ContainerKnowledge {
        if records.updateValue(Record(facts: facts, keptAt: .now), forKey: id) == nil { order.append(id) }
        if order.count > most { records[order.removeFirst()] = nil }
        return facts.map(ContainerKnowledge.known) ?? .unknown
    }
}
