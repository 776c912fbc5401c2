internal import Identity

/// When this node dials a peer.
struct DialState: Sendable {
    /// Without a connection since.
    private(set) var idleSince: BootNanoseconds
    /// There was a connection, so that there should be one.
    private(set) var wasConnected = false
    /// A packet waits, or an operator asked, since.
    private(set) var urgentSince: BootNanoseconds?
    /// The operator does not wait for the back-off.
    private var isForced = false
    private var failures = 0
    private var notBefore: BootNanoseconds = 0

    init(idleSince: BootNanoseconds) { self.idleSince = idleSince }

    mutating func trafficWaits(_ now: BootNanoseconds, isConnected: Bool) {
        if !isConnected { urgentSince = urgentSince ?? now }
    }

    /// New keys are wanted soon, connected or not.
    mutating func hurry(_ now: BootNanoseconds) { urgentSince = urgentSince ?? now }

    mutating func force(_ now: BootNanoseconds) {
        urgentSince = now
        isForced = true
    }

    mutating func confirmed() {
        wasConnected = true
        urgentSince = nil
        isForced = false
        failures = 0
        notBefore = 0
    }

    /// The connection in use has gone. A little chance keeps a restarted node's peers from coming all at once.
    mutating func lost(_ now: BootNanoseconds, _ timing: LinkTiming, chance: Double) {
        idleSince = now
        notBefore = now.adding(timing.shortestBackoff * chance)
    }

    mutating func failed(_ now: BootNanoseconds, _ timing: LinkTiming, atMost longest: Duration, chance: Double) {
        failures += 1
        isForced = false
        let delay = timing.shortestBackoff.doubled(failures - 1, atMost: longest)
        notBefore = now.adding(delay * (0.75 + chance / 2))
    }

    /// When to dial, if nothing happens until then; nil for never.
    ///
    /// - Parameter rekeyAt: of the connection in use, nil without one.
    func due(rekeyAt: BootNanoseconds?, wanted: Bool, isDialer: Bool, patience: Duration) -> BootNanoseconds? {
        let scheduled: BootNanoseconds? = rekeyAt ?? (wanted || wasConnected ? idleSince : nil)
        let ours = scheduled.map { isDialer ? $0 : $0.adding(patience) }
        guard let time = [urgentSince, ours].compactMap(\.self).min() else { return nil }
        return isForced ? time : max(time, notBefore)
    }
}
