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
}
