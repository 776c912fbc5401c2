public import Addressing
internal import AuthorityAPI
internal import GRPCCore

/// What the authority made of the node's leases.
public struct LeaseReport: Sendable, Equatable {
    /// First directory revision that shows them.
    public let revision: UInt64
    /// Prefixes that no pod may have.
    public let refused: [IPPrefix]
}

/// Reports are made one after another, each with all there is to say then; whoever asks while one waits shares it.
struct ReportQueue {
    typealias Report = Task<Result<LeaseReport, AuthorityCallError>, Never>

    var running: Report?
    var waiting: Report?
    /// Since the last that the authority took.
    var failures = 0
}

extension NodeIdentityService {
    /// Says which prefixes this node's pods send from, all of them. Before the first call nothing is reported, so call it
    /// also with nothing. Returns when the authority has taken it down; when it cannot, that throws, and is said again until
    /// it has.
    @discardableResult
    public func setLeases(_ prefixes: Set<IPPrefix>) async throws(AuthorityCallError) -> LeaseReport {
        leases = prefixes
        return try await report()
    }

    private func report() async throws(AuthorityCallError) -> LeaseReport { try await startReport().value.get() }

    /// Nobody has to wait for it.
    @discardableResult
    func startReport() -> ReportQueue.Report {
        if let waiting = reports.waiting { return waiting }
        let previous = reports.running
        let task = ReportQueue.Report {
            _ = await previous?.value
            return await self.makeReport()
        }
        reports.waiting = task
        return task
    }

    /// Makes reports again that failed while there is a connection; a new connection begins with one anyway.
    func stayReported() async {
        while !Task.isCancelled {
            let pause = Schedule.retry(failures: max(reports.failures, 1), chance: clock.random())
            try? await clock.sleep(pause)
            if reports.failures > 0, !Task.isCancelled, await slot.isConnected { startReport() }
        }
    }

    private func makeReport() async -> Result<LeaseReport, AuthorityCallError> {
        reports.running = reports.waiting
        reports.waiting = nil
        var request = Podshield_Authority_V1_ReportNodeRequest()
        request.endpoint = Podshield_Authority_V1_Endpoint(settings.endpoint)
        request.leases = (leases ?? []).map(Podshield_Authority_V1_Prefix.init)
        do throws(AuthorityCallError) {
            let answer = try await caller.call { [request] calls, options in
                try await calls.reportNode(request, options: options)
            }
            answered()
            reports.failures = 0
            let refused = answer.refused.compactMap(\.parsed)
            if !refused.isEmpty { observe(.leasesRefused(refused.map(\.description))) }
            return .success(LeaseReport(revision: answer.revision, refused: refused))
        } catch {
            reports.failures += 1
            return .failure(error)
        }
    }
}
