internal import Foundation
public import Identity
internal import LinuxBinding

extension NodeIdentityService {
    /// What a node's state directory holds.
    public enum Standing: Sendable, Equatable {
        /// The node has to join, or to join again.
        case notJoined
        /// Times in seconds since 1970.
        case expired(notAfter: Int64)
        case joined(name: String, notAfter: Int64)
    }

    /// Looks at a state directory as the next start will, and changes nothing. One that is not there yet is well. `now` in
    /// seconds since 1970.
    public static func inspect(
        stateDirectory: String, of trustDomain: TrustDomain, now: Int64
    ) throws(NodeStateError) -> Standing {
        guard FileManager.default.fileExists(atPath: stateDirectory) else { return .notJoined }
        do throws(PrivateFileError) { try PrivateDirectory.check(stateDirectory) } catch { throw .directory(error) }
        let files = NodeStateFiles(directory: stateDirectory, trustDomain: trustDomain)
        guard let own = try files.loadOwn(now: now) else { return .notJoined }
        guard own.svid != nil else { return .expired(notAfter: own.notAfter) }
        return .joined(name: own.membership.name, notAfter: own.notAfter)
    }
}
