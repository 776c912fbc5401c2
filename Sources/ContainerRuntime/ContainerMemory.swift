internal import AuthorityAPI

/// What was said of containers: of as many as fit, those that nobody asked for the longest go. That there is no such container holds for a while.
struct ContainerMemory {
    private struct Record {
        let facts: ContainerFacts?
        let keptAt: ContinuousClock.Instant
        var usedAt: UInt64
    }

    private let most: Int
    private let unknown: Duration
    private var records: [ContainerID: Record] = [:]
    private var uses: UInt64 = 0

    init(most: Int, unknown: Duration) {
        self.most = most
        self.unknown = unknown
    }

    mutating func recall(_ id: ContainerID) -> ContainerKnowledge? {
        guard let record = records[id] else { return nil }
        uses += 1
        records[id]?.usedAt = uses
        if let facts = record.facts { return .known(facts) }
        return record.keptAt.duration(to: .now) < unknown ? .unknown : nil
    }

    /// - Parameter facts: nil where there is no such container.
    mutating func keep(_ id: ContainerID, _ facts: ContainerFacts?) -> ContainerKnowledge {
        uses += 1
        records[id] = Record(facts: facts, keptAt: .now, usedAt: uses)
        if records.count > most, let oldest = records.min(by: { $0.value.usedAt < $1.value.usedAt })?.key {
            records[oldest] = nil
        }
        return facts.map(ContainerKnowledge.known) ?? .unknown
    }
}
