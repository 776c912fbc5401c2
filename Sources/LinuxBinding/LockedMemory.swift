import CLinux
import Glibc

/// Keeping secrets out of swap and core files.
public enum LockedMemory {
    /// From now on every page of the process that is touched stays in memory. C: `mlockall` with `MCL_ONFAULT`. Needs
    /// CAP_IPC_LOCK or a limit that is large enough.
    public static func lockProcess() throws(SystemError) {
        try calling("mlockall") { mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) }
    }

    /// From now on the process leaves no core, and other programs of its user cannot read its memory. Programs that it starts
    /// begin anew. C: `prctl` with `PR_SET_DUMPABLE`.
    public static func forbidDumps() throws(SystemError) {
        try checking("prctl PR_SET_DUMPABLE", nil, ps_linux_forbid_dumps())
    }
}
