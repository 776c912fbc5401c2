import Configuration
import Datapath
import LinuxBinding
import NodeIdentity
import NodeLink
import Preflight
import SystemdBinding
import Telemetry

extension StartError {
    /// One for each thing that is against the start: a configuration may have several.
    var events: [Event] {
        if case .configuration(let error) = self {
            return error.problems.map { .notStarted(.configurationRefused, reason: "\($0)") }
        }
        return [.notStarted(kind, reason: "\(self)")]
    }

    private var kind: EventKind {
        switch self {
        case .configuration, .badSetting: .configurationRefused
        case .directory(let error): EventKind(error)
        case .instanceHeld: .instanceHeld
        case .system(let error): EventKind(error)
        case .pods(let error): EventKind(error)
        case .authority(let error): EventKind(error)
        case .nodeState(let error), .join(.state(let error), _): EventKind(error)
        case .noToken, .join, .invitation: .notJoined
        case .datapath(let error): EventKind(error)
        case .cannotBind, .otherSocketPassed, .link(.cannotListen): .addressRefused
        case .uplink: .uplinkFailed
        case .link, .componentEnded, .stoppedWhileStarting: .startFailed
        }
    }

    /// Says why the daemon does not start or has ended: in the journal where standard error leads there, else by a line for
    /// each thing, without its end. What the kernel's verifier printed of programs that it does not take comes indented below.
    public func report(line: (String) -> Void) {
        if Journal.receivesStandardError {
            let journal = Telemetry(.journal(instance: ""), now: WallClock.nanoseconds)
            for event in events { journal.record(event) }
            journal.flush()
        } else {
            for event in events { line("podshield-idd: \(event.line)") }
        }
        for detail in verifierLog.split(separator: "\n") { line("  \(detail)") }
    }

    private var verifierLog: String { if case .datapath(let error) = self { error.verifierLog } else { "" } }
}
