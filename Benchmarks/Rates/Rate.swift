/// How many turns a second, of whole turns, the last of which may end after `duration`.
func turnsPerSecond(for duration: Duration, _ turn: () throws -> Void) rethrows -> Double {
    try turn()
    let clock = ContinuousClock()
    let start = clock.now
    var turns = 0
    while clock.now < start + duration {
        try turn()
        turns += 1
    }
    return Double(turns) / start.duration(to: clock.now).inSeconds
}

extension Duration {
    var inSeconds: Double { self / .seconds(1) }
}
