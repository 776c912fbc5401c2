import Glibc

/// Keeping secrets out of swap.
public enum LockedMemory {
    /// From now on every page of the process that is touched stays in memory. C: `mlockall` with `MCL_ONFAULT`. Needs
    /// CAP_IPC_LOCK or a limit that is large enough.
    public static func lockProcess() throws(SystemError) {
        try calling("mlockall") { mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) }
    }
}
