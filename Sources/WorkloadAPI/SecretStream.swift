internal import GRPCCore
internal import Identity
internal import Synchronization
internal import WorkloadProtocol

/// Answers one stream of an Envoy until either end has enough of it.
struct SecretStream: Sendable {
    typealias Request = Envoy_Service_Discovery_V3_DiscoveryRequest
    typealias Response = Envoy_Service_Discovery_V3_DiscoveryResponse

    let attestor: Attestor
    let lists: EnvoyLists
    let processes: ProcessWatch
    let caller: Caller
    /// Is told why the caller rejects what it was given.
    let rejected: @Sendable (_ reason: String) -> Void

    func run(
        _ requests: RPCAsyncSequence<Request, any Error>, _ context: ServerContext,
        _ send: @escaping @Sendable (Response) async throws -> Void
    ) async throws {
        // Cancelling a call does not cancel its task.
        let work = Task { try await follow(requests, send) }
        try await withRPCCancellationHandler {
            try await work.value
        } onCancelRPC: {
            work.cancel()
        }
    }

    private func follow(
        _ requests: RPCAsyncSequence<Request, any Error>, _ send: @escaping @Sendable (Response) async throws -> Void
    ) async throws {
        let inbox = Inbox()
        let watch = attestor.identities.watch()
        let following = processes.follow(caller.process, watch.ring)
        defer { withExtendedLifetime(following) {} }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { inbox.close() }
                for try await request in requests { inbox.put(request) }
            }
            group.addTask {
                for await _ in watch.changes { inbox.ring() }
            }
            group.addTask { try await lists.followTime(attestor.identities) { inbox.ring() } }
            defer { group.cancelAll() }
            try await answer(inbox, watch, send)
        }
    }

    private func answer(
        _ inbox: Inbox, _ watch: IdentityWatch, _ send: (Response) async throws -> Void
    ) async throws {
        var subscription = SecretSubscription()
        for await _ in inbox.bell {
            if let response = try await response(&subscription, inbox.take(), watch) { try await send(response) }
        }
    }

    private func response(
        _ subscription: inout SecretSubscription, _ request: Request?, _ watch: IdentityWatch
    ) async throws -> Response? {
        do throws(Denial) {
            if let reason = try request.flatMap({ request throws(Denial) in try subscription.take(request) }) {
                rejected(reason)
            }
            guard subscription.names != nil else { return nil }
            let context = lists.told(try await attestor.x509Context(of: .process(caller), following: watch))
            guard let names = subscription.news(context) else { return nil }
            return try Response(Secrets(context: context, lists: lists).named(names), version: subscription.nonce)
        } catch {
            throw error.status
        }
    }
}

/// The newest request that is not yet taken: each says all that its sender wants, so that older ones need not be kept.
private final class Inbox: Sendable {
    let bell: AsyncStream<Void>
    private let ringer: AsyncStream<Void>.Continuation
    private let newest = Mutex<SecretStream.Request?>(nil)

    init() { (bell, ringer) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func put(_ request: SecretStream.Request) {
        newest.withLock { $0 = request }
        ring()
    }

    func take() -> SecretStream.Request? {
        newest.withLock { request in
            defer { request = nil }
            return request
        }
    }

    func ring() { ringer.yield() }
    func close() { ringer.finish() }
}
