internal import AuthorityAPI
internal import Identity
internal import OpenSSLBinding

/// Takes certificates down before they leave. Those of one moment share a transaction, which is what writing costs.
actor CertificateLog {
    private typealias Batch = Task<Result<[String: CallRefusal], RegistryError>, Never>

    private let registry: Registry
    private let now: @Sendable () -> Int64
    private var rows: [IssuedRow] = []
    private var running: Batch?
    private var waiting: Batch?

    init(_ registry: Registry, now: @escaping @Sendable () -> Int64) {
        self.registry = registry
        self.now = now
    }

    /// Returns once it is on disk. What throws must not leave.
    func record(
        _ svid: X509SVID, to member: Member?, entry: String?, pod: PodFacts? = nil
    ) async throws(CallRefusal) {
        try await record(IssuedRow(svid: svid, member: member, entry: entry, pod: pod))
    }

    /// The same of any certificate.
    func record(_ row: IssuedRow) async throws(CallRefusal) {
        rows.append(row)
        switch await (waiting ?? begin()).value {
        case .success(let refusals): if let refusal = refusals[row.serial] { throw refusal }
        case .failure(let error): throw .registry(error)
        }
    }

    private func begin() -> Batch {
        let previous = running
        let batch = Batch {
            _ = await previous?.value
            return await self.write()
        }
        waiting = batch
        return batch
    }

    private func write() async -> Result<[String: CallRefusal], RegistryError> {
        running = waiting
        waiting = nil
        let batch = rows
        rows = []
        var refusals: [String: CallRefusal] = [:]
        do throws(RegistryError) {
            for begin in stride(from: 0, to: batch.count, by: Self.mostRows) {
                let rows = Array(batch[begin..<min(begin + Self.mostRows, batch.count)])
                refusals.merge(try await registry.record(rows, now: now())) { $1 }
            }
        } catch {
            return .failure(error)
        }
        return .success(refusals)
    }

    /// In a transaction: what authorities share at once has room for more.
    private static let mostRows = 1024
}
