/// Who has how many of the places for connections and their calls, and who has to go once all are taken.
///
/// Who may ask is everybody, so that it cannot be known beforehand whom to keep a place for. A newcomer always has one: in place of the
/// connection that has been there longest of those that were never given an identity; where such have less than a quarter of all, in
/// place of the newest of the source that has most, as long as that has more than the newcomer's.
struct Places {
    typealias Source = Caller.Source

    /// What becomes of who asks for a place.
    enum Answer: Equatable {
        /// - Parameter displaced: the connection that has lost all of its own for it, and is to be closed.
        case taken(displaced: UInt64?)
        /// - Parameter displaced: the very connection that asked, where it has to go itself.
        case refused(displaced: UInt64?)
    }

    private struct Connection {
        let source: Source
        /// Its own, and those of its calls.
        var places = 1
        /// Whether it was given an identity.
        var isKnown = false
    }

    private struct Share {
        var connections = 0
        var places = 0
    }

    private let limits: WorkloadAPILimits
    private var connections: [UInt64: Connection] = [:]
    private var shares: [Source: Share] = [:]
    private var last: UInt64 = 0
    private(set) var taken = 0
    /// Of those that are not known.
    private var takenByStrangers = 0
    /// In the order in which they came; those before `oldest`, and others here and there, have gone or are known by now.
    private var strangers: [UInt64] = []
    private var oldest = 0

    init(_ limits: WorkloadAPILimits) { self.limits = limits }

    var count: Int { connections.count }
    var isFull: Bool { taken >= limits.places }

    /// The one that has most places.
    var greediest: Source? { shares.max { $0.value.places < $1.value.places }?.key }

    /// Whether a source has as much as one may have.
    func isAtItsLimit(_ source: Source) -> Bool {
        let share = shares[source, default: Share()]
        return share.connections >= limits.connectionsPerSource || share.places >= limits.placesPerSource
    }

    /// Whether a source has so little that it has to be told of anew.
    func isCalm(_ source: Source) -> Bool {
        let share = shares[source, default: Share()]
        return share.connections <= limits.connectionsPerSource / 2 && share.places <= limits.placesPerSource / 2
    }

    // MARK: Coming

    /// - Returns: with the number of the connection, which is meaningless unless it has a place.
    mutating func connect(_ source: Source) -> (UInt64, Answer) {
        last += 1
        guard !isAtItsLimit(source) else { return (last, .refused(displaced: nil)) }
        let answer = makeRoom(for: source)
        guard case .taken = answer else { return (last, answer) }
        connections[last] = Connection(source: source)
        shares[source, default: Share()].connections += 1
        strangers.append(last)
        forgetGoneStrangers()
        count(1, of: last)
        return (last, answer)
    }

    /// A call by a connection.
    mutating func call(_ number: UInt64) -> Answer {
        guard let source = connections[number]?.source, shares[source, default: Share()].places < limits.placesPerSource
        else { return .refused(displaced: nil) }
        let answer = makeRoom(for: source)
        guard case .taken(let displaced) = answer else { return answer }
        guard displaced != number else { return .refused(displaced: number) }
        connections[number]?.places += 1
        count(1, of: number)
        return answer
    }

    /// It was given an identity.
    mutating func know(_ number: UInt64) {
        guard let connection = connections[number], !connection.isKnown else { return }
        connections[number]?.isKnown = true
        takenByStrangers -= connection.places
    }

    // MARK: Going

    mutating func endCall(_ number: UInt64) {
        guard connections[number] != nil else { return }
        count(-1, of: number)
        connections[number]?.places -= 1
    }

    mutating func disconnect(_ number: UInt64) {
        guard let connection = connections[number] else { return }
        count(-connection.places, of: number)
        connections[number] = nil
        shares[connection.source]?.connections -= 1
        if shares[connection.source]?.connections == 0 { shares[connection.source] = nil }
    }

    private mutating func count(_ change: Int, of number: UInt64) {
        guard let connection = connections[number] else { return }
        taken += change
        shares[connection.source]?.places += change
        if !connection.isKnown { takenByStrangers += change }
    }

    // MARK: Displacing

    private mutating func makeRoom(for source: Source) -> Answer {
        guard isFull else { return .taken(displaced: nil) }
        guard let displaced = displaceable(for: source) else { return .refused(displaced: nil) }
        disconnect(displaced)
        return .taken(displaced: displaced)
    }

    private mutating func displaceable(for source: Source) -> UInt64? {
        if takenByStrangers < limits.places / 4, let greediest,
            shares[greediest, default: Share()].places > shares[source, default: Share()].places + 1
        {
            return connections.lazy.filter { $0.value.source == greediest }.map(\.key).max()
        }
        return oldestStranger()
    }

    private mutating func oldestStranger() -> UInt64? {
        while oldest < strangers.count {
            if isStranger(strangers[oldest]) { return strangers[oldest] }
            oldest += 1
        }
        return nil
    }

    private func isStranger(_ number: UInt64) -> Bool { connections[number]?.isKnown == false }

    /// Each but now and then, so that it costs little.
    private mutating func forgetGoneStrangers() {
        guard strangers.count > 2 * limits.places else { return }
        strangers = strangers[oldest...].filter(isStranger)
        oldest = 0
    }
}
