import AdminAPI
import GRPCCore
import Synchronization
import Telemetry

extension AdminService {
    func observe(
        request: ServerRequest<Podshield_Admin_V1_ObserveRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<Podshield_Admin_V1_Event> {
        let filter = EventFilter(request.message)
        let last = Int(min(request.message.last, Self.mostHistory))
        guard request.message.follow else {
            let events = daemon.telemetry.history(last: last).filter(filter.admits)
            return StreamingServerResponse { writer in
                for event in events { try await writer.write(Podshield_Admin_V1_Event(event)) }
                return [:]
            }
        }
        guard observers.enter() else { throw AdminError(.exhausted, "too many observe at once") }
        // From here on nothing is missed, however long the first byte takes.
        let events = daemon.telemetry.observe(last: last)
        return StreamingServerResponse { [observers] writer in
            defer { observers.leave() }
            for await event in events where filter.admits(event) {
                try await writer.write(Podshield_Admin_V1_Event(event))
            }
            return [:]
        }
    }

    private static let mostHistory: UInt32 = 100_000
}

/// How many may watch at one time: each costs a buffer of events.
final class ObserverLimit: Sendable {
    private let count = Atomic<Int>(0)
    private static let most = 32

    func enter() -> Bool {
        guard count.add(1, ordering: .relaxed).newValue <= Self.most else {
            leave()
            return false
        }
        return true
    }

    func leave() { count.subtract(1, ordering: .relaxed) }
}
