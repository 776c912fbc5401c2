/// How many may ask the helper at a time, in the order of asking.
actor HelperPlaces {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { free = count }

    /// What `body` answers, once there is a place.
    func result<Value: Sendable>(of body: @Sendable () async -> Value) async -> Value {
        await take()
        defer { giveBack() }
        return await body()
    }

    private func take() async {
        guard free == 0 else {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    /// Hands on to the next that waits.
    private func giveBack() {
        guard waiting.isEmpty else { return waiting.removeFirst().resume() }
        free += 1
    }
}
