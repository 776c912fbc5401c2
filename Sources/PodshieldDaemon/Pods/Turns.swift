/// One at a time for each name, in the order of asking. Part of an actor.
struct Turns<Name: Hashable> {
    private var waiting: [Name: [CheckedContinuation<Void, Never>]] = [:]

    /// Whether it is the asker's turn at once; if not, `wait` is to follow.
    mutating func begin(_ name: Name) -> Bool {
        guard waiting[name] != nil else {
            waiting[name] = []
            return true
        }
        return false
    }

    mutating func wait(_ name: Name, _ continuation: CheckedContinuation<Void, Never>) {
        waiting[name]?.append(continuation)
    }

    /// Hands on to the next that waits.
    mutating func end(_ name: Name) {
        guard let next = waiting[name]?.first else {
            waiting[name] = nil
            return
        }
        waiting[name]?.removeFirst()
        next.resume()
    }
}
