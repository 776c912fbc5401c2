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
}

extension NodeIdentityService {
    /// Says which prefixes this node's pods send from, all of them. Before the first call nothing is reported, so call it also
    /// with nothing. Returns when the authority has taken it down; when it
    /// cannot be reached that throws, and is said as soon as it is back.
    @discardableResult
    public func setLeases(_ prefixes: Set<IPPrefix>) async throws(AuthorityCallError) -> LeaseReport {
        leases = prefixes
        return try await report()
    }

    func report() async throws(AuthorityCallError) -> LeaseReport {
        if let waiting = reports.waiting { return try await waiting.value.get() }
        let previous = reports.running
        let task = ReportQueue.Report {
            _ = await previous?.value
            return await self.makeReport()
        }
        reports.waiting = task
        return try await task.value.get()
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
            let refused = answer.refused.compactMap(\.parsed)
            if !refused.isEmpty { observe(.leasesRefused(refused.map(\.description))) }
            return .success(LeaseReport(revision: answer.revision, refused: refused))
        } catch {
            return .failure(error)
        }
    }
}
