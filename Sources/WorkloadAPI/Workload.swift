internal import Identity
internal import LinuxBinding

/// Whom identities are for.
enum Workload: Sendable {
    case process(Caller)
    /// A pod by itself, whichever of its processes.
    case pod(KnownPod)

    /// False for a process that has ended. Of pods it is known that they have gone when they are looked up again.
    var mayBeThere: Bool {
        if case .process(let caller) = self { caller.process.isAlive } else { true }
    }

    /// Whether it is as it was when it was looked at before.
    func isAsBefore(_ earlier: Workload) -> Bool {
        switch (self, earlier) {
        case (.process(let now), .process(let then)): now.place == then.place
        case (.pod(let now), .pod(let then)):
            now.instance == then.instance && now.facts == then.facts && now.svid?.svid == then.svid?.svid
                && now.federatesWith == then.federatesWith
        default: false
        }
    }
}
