internal import KeyAgreement

/// A peer's machine, what waits to be told to it, and its alarm. Inputs are taken one at a time, and the results of actions
/// before all others, so that the machine never sees anything between an action and its result.
struct PeerRunner {
    enum Item {
        case input(LinkInput)
        /// All messages of one reading are dealt with.
        case resume(ConnectionID)
    }

    var machine: LinkPeer
    private var queue: [Item] = []
    private var head = 0
    var isDraining = false
    var alarm: Task<Void, Never>?
    private var refusals = 0

    init(_ machine: LinkPeer) { self.machine = machine }

    /// What was refused since the last call.
    mutating func takeRefusals() -> Int {
        defer { refusals = machine.refusals }
        return max(machine.refusals - refusals, 0)
    }

    mutating func append(_ item: Item) { queue.append(item) }

    mutating func prepend(_ inputs: [LinkInput]) {
        queue.replaceSubrange(..<head, with: inputs.map { .input($0) })
        head = 0
    }

    mutating func next() -> Item? {
        guard head < queue.count else {
            queue.removeAll(keepingCapacity: true)
            head = 0
            return nil
        }
        head += 1
        return queue[head - 1]
    }
}
