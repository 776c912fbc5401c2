import AdminAPI
import Authority
import AuthorityAPI
import Datapath
import Identity
import KeyAgreement
import NodeIdentity
import NodeLink
import PodState
import Telemetry

/// What is wrong with this daemon now, or deserves attention. Codes are those of the events that told it first.
struct Findings {
    typealias Finding = Podshield_Admin_V1_Finding

    let daemon: DaemonContext
    let authority: AuthorityRole?
    let node: NodeRole?

    /// What keeps the daemon from its work comes first.
    func all() async -> [Finding] {
        var findings = ofDaemon() + ofOthers()
        if let authority {
            findings += ofKey(authority.service)
            findings += await ofRegistry(authority.service)
        }
        if let node {
            findings += await ofIdentity(node)
            findings += await ofDevices(node)
            findings += await ofTables(node)
            findings += await ofPods(node)
            findings += await ofLinks(node)
        }
        findings += ofLately()
        return findings.filter(\.isError) + findings.filter { !$0.isError }
    }

    private func ofDaemon() -> [Finding] {
        let state = daemon.state.current
        return [
            state.isReady ? nil : .error(.started, "the daemon is not ready"),
            state.isUninstalled
                ? .error(.datapathUninstalled, "the datapath is uninstalled until the daemon starts again") : nil,
            state.reloadProblem.map { .notice(.reloadRefused, "the last reload was refused: \($0)") },
            state.memoryProblem.map {
                .notice(.keyMemoryNotLocked, "private keys may be swapped out or end in a core: \($0)")
            },
            state.isPermissive
                ? .notice(.permissive, "permissive: packets to unknown destinations leave in clear") : nil,
        ].compactMap(\.self)
    }

    private func ofOthers() -> [Finding] {
        daemon.reports.noisy().map { cause in
            guard let peer = cause.peer else {
                return .notice(
                    .reportsLeftOut,
                    "there is so much \(cause.kind.rawValue) (\(cause.kind.code)) that most of it is left out")
            }
            return .notice(.peerNoisy, Event.peerNoisy(peer: peer, about: cause.kind).message)
        }
    }

    /// What happened lately and left nothing behind that would show it.
    private func ofLately() -> [Finding] {
        let kinds: [EventKind] = [
            .linkRefused, .epochFailed, .connectionRefused, .joinRefused, .podGone, .kernelEventsLost, .stateNotSaved,
        ]
        return kinds.compactMap { kind in
            daemon.telemetry.tally(of: kind, within: .seconds(15 * 60)).map { tally in
                let others = tally.count > 1 ? ", the last of \(tally.count) of its kind" : ""
                return .notice(kind, "within the last 15 minutes\(others): \(tally.last.event.message)")
            }
        }
    }

    private func ofKey(_ service: AuthorityService) -> [Finding] {
        service.keyFailure.map { [.error(.caKeyAway, Event.caKeyAway(reason: "\($0)").message)] } ?? []
    }

    /// Said before nothing goes any more.
    private func ofRegistry(_ service: AuthorityService) async -> [Finding] {
        guard let extent = try? await service.extent() else { return [] }
        return extent.shortages(service.settings.limits.directory, from: 0.9).map {
            .notice(.directoryFull, "the authority has \($0.held) \($0.what), \($0.limit) are the most")
        }
    }

    private func ofIdentity(_ node: NodeRole) async -> [Finding] {
        let status = await node.parts.identity.status()
        guard status.svid != nil else {
            return [.error(.nodeIdentityExpired, "the node's SVID has expired: it has to join again")]
        }
        if let exclusion = status.exclusion {
            return [.error(.nodeShutOut, Event.nodeShutOut(reason: exclusion.reason).message)]
        }
        let reason = status.lastFailure ?? "not connected yet"
        let isAway =
            status.isConnected
            ? nil : Finding.notice(.authorityDisconnected, "there is no connection to the authority: \(reason)")
        return [isAway ?? status.renewalFailure.map(ofRenewal), status.clockSkew.flatMap(ofClock)].compactMap(\.self)
    }

    private func ofRenewal(_ failure: AuthorityCallError) -> Finding {
        .notice(.nodeSVIDRenewalFailed, "the node's SVID is not renewed, and ends with its time: \(failure)")
    }

    private func ofClock(_ skew: ClockSkew) -> Finding? {
        skew.isTooMuch ? .notice(.clockSkewed, Event.clockSkewed(seconds: skew.seconds).message) : nil
    }

    private func ofDevices(_ node: NodeRole) async -> [Finding] {
        let failures = await node.parts.uplinks.failures.sorted { $0.key < $1.key }
        let missing = await node.parts.uplinks.missing.sorted()
        let isNone = await node.parts.uplinks.names.isEmpty
        return failures.map { .error(.uplinkFailed, "device \($0.key) is not watched: \($0.value)") }
            + missing.map { .notice(.uplinkMissing, Event.uplinkMissing(interface: $0).message) }
            + (isNone ? [.notice(.noUplink, "no device is watched: this node is connected to nothing")] : [])
    }

    private func ofTables(_ node: NodeRole) async -> [Finding] {
        guard let full = try? await node.parts.datapath.fullTables() else { return [] }
        return full.map { .notice(.tableFull, "the table \($0) is full: whatever is next finds no room") }
    }

    private func ofPods(_ node: NodeRole) async -> [Finding] {
        let isShutOut = await node.pods.isShutOut
        return await node.pods.list().compactMap { pod in
            let name = pod.record.name
            if pod.issued == nil {
                let reason = pod.failure.map { "\($0)" } ?? "none was asked for yet"
                return .notice(.podWithoutIdentity, "pod \(name) has no identity, its packets drop: \(reason)")
            }
            guard pod.enforced == .unknown, !isShutOut else { return nil }
            return .notice(
                .addressQuarantined, "packets of pod \(name) drop until no peer takes its address for another's")
        }
    }

    private func ofLinks(_ node: NodeRole) async -> [Finding] {
        await node.parts.link.peers().compactMap { peer in
            let name = peer.id.lastSegment
            let reason = peer.lastError.map { ": \($0)" } ?? ""
            return switch peer.state {
            case .lost: .notice(.linkLost, "the link with \(name) is lost, its keys live until their deadline\(reason)")
            case .connecting where peer.lastError != nil: .notice(.linkFailed, "there is no link with \(name)\(reason)")
            default: nil
            }
        }
    }
}

extension Podshield_Admin_V1_Finding {
    fileprivate static func error(_ kind: EventKind, _ message: String) -> Self { Self(kind, message, isError: true) }
    fileprivate static func notice(_ kind: EventKind, _ message: String) -> Self { Self(kind, message, isError: false) }

    private init(_ kind: EventKind, _ message: String, isError: Bool) {
        self.init()
        code = kind.code
        self.message = message
        self.isError = isError
    }
}
