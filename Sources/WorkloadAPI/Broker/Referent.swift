internal import Glibc
internal import LinuxBinding

/// A workload that a broker has referred to, from then on: the same process, the same pod, whatever takes its number or name.
enum Referent: Sendable {
    /// With the account that it had.
    case process(PeerProcess)
    case pod(PodReference, instance: String)

    /// Nil for a pod.
    var process: PeerProcess? { if case .process(let process) = self { process } else { nil } }
}

/// Finds out by itself what brokers refer to.
struct ReferentLookup: Sendable {
    let identities: any WorkloadIdentities
    let inspection: CallerInspection

    func find(_ reference: WorkloadReference) async throws(Denial) -> Referent {
        switch reference {
        case .process(let number):
            do throws(SystemError) { return .process(try PeerProcess(processID: number)) } catch {
                throw Denial(ofProcess: error)
            }
        case .pod(let pod):
            guard let found = await identities.pod(pod) else { throw .gone }
            return .pod(pod, instance: found.instance)
        case .otherObject: throw .gone
        }
    }

    /// What it is now. A process that has become another user, or is of other groups, is not who was referred to: whoever began
    /// a program that changes its user did not become that user, and had its number before.
    func workload(_ referent: Referent) async throws(Denial) -> Workload {
        switch referent {
        case .process(let process):
            let current: PeerProcess
            let caller: Caller
            do throws(SystemError) {
                current = try process.current()
                caller = try inspection.caller(current)
            } catch {
                throw Denial(ofProcess: error)
            }
            guard current.credentials == process.credentials, current.groups == process.groups else {
                throw .noIdentity
            }
            return .process(caller)
        case .pod(let reference, let instance):
            guard let pod = await identities.pod(reference), pod.instance == instance else { throw .gone }
            return .pod(pod)
        }
    }
}

extension Denial {
    fileprivate init(ofProcess error: SystemError) {
        switch error.code {
        // EINVAL: the number of a thread.
        case ESRCH, EINVAL, ENOENT: self = .gone
        case EPERM: self = .noIdentity
        default: self = .notReady
        }
    }
}
