internal import GRPCCore
internal import Identity
internal import JOSE
internal import SwiftProtobuf
internal import Synchronization
internal import WorkloadProtocol

/// The calls of the Broker API: those of the Workload API, for whom a broker refers to.
struct BrokerService: Spiffe_Broker_API.ServiceProtocol {
    let attestor: Attestor
    let connections: BrokerConnections
    let policy: BrokerPolicy
    let lookup: ReferentLookup
    let processes: ProcessWatch
    let observe: @Sendable (BrokerEvent) -> Void

    // MARK: X.509

    func subscribeToX509SVID(
        request: ServerRequest<Spiffe_Broker_SubscribeToX509SVIDRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<Spiffe_Broker_SubscribeToX509SVIDResponse> {
        stream(request.message, request.metadata, context) { attestor, workload, watch throws(Denial) in
            try await attestor.x509Context(of: workload, following: watch)
        } identities: {
            $0.svids.map(\.svid.svid.id)
        } message: {
            do { return try Spiffe_Broker_SubscribeToX509SVIDResponse($0) } catch { throw Denial.unencodable.status }
        }
    }

    func subscribeToX509Bundles(
        request: ServerRequest<Spiffe_Broker_SubscribeToX509BundlesRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<Spiffe_Broker_SubscribeToX509BundlesResponse> {
        stream(request.message, request.metadata, context) { attestor, workload, _ throws(Denial) in
            try await attestor.bundles(for: workload)
        } message: {
            Spiffe_Broker_SubscribeToX509BundlesResponse($0)
        }
    }

    // MARK: JWT

    func fetchJWTSVID(
        request: ServerRequest<Spiffe_Broker_FetchJWTSVIDRequest>, context: ServerContext
    ) async throws -> ServerResponse<Spiffe_Broker_FetchJWTSVIDResponse> {
        do throws(Denial) {
            let message = request.message
            let broker = try connections.broker(of: request.metadata)
            try connections.enter(broker)
            defer { connections.leave(broker) }
            let errand = try await find(message, for: broker, context)
            let wish = try TokenWish(message.audience, id: message.spiffeID)
            let tokens = try await checked(errand) { attestor, workload throws(Denial) in
                try await attestor.tokens(of: workload, wish)
            }
            observe(errand.served(as: tokens.map(\.svid.id)))
            return ServerResponse(message: Spiffe_Broker_FetchJWTSVIDResponse(tokens))
        } catch {
            throw error.brokerStatus
        }
    }

    func subscribeToJWTBundles(
        request: ServerRequest<Spiffe_Broker_SubscribeToJWTBundlesRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<Spiffe_Broker_SubscribeToJWTBundlesResponse> {
        stream(request.message, request.metadata, context) { attestor, workload, _ throws(Denial) in
            try await attestor.jwtBundles(for: workload)
        } message: {
            Spiffe_Broker_SubscribeToJWTBundlesResponse($0)
        }
    }

    // MARK: Parts

    /// What a workload may know, at once and whenever it has become another; ends when it may know nothing, with the workload, and
    /// with the trust in the broker.
    private func stream<Part: Equatable & Sendable, Message: Sendable>(
        _ request: some BrokerRequest, _ metadata: Metadata, _ context: ServerContext,
        _ part: @escaping @Sendable (Attestor, Workload, IdentityWatch) async throws(Denial) -> Part,
        identities: @escaping @Sendable (Part) -> [SPIFFEID] = { _ in [] },
        message: @escaping @Sendable (Part) throws -> Message
    ) -> StreamingServerResponse<Message> {
        StreamingServerResponse { writer in
            let errand = try await begin(request, metadata, context)
            defer { connections.leave(errand.broker) }
            let stream = ChangeStream(
                identities: attestor.identities, processes: processes, process: errand.referent.process,
                endsWithProcess: true, told: { $0.brokerStatus }
            ) { (watch) throws(Denial) in
                try await checked(errand) { (attestor, workload) throws(Denial) in
                    try await part(attestor, workload, watch)
                }
            }
            let told = Mutex<[SPIFFEID]?>(nil)
            try await stream.run(context) { part in
                let given = identities(part)
                if told.withLock({ $0.replace(with: given) != given }) { observe(errand.served(as: given)) }
                try await writer.write(message(part))
            }
            return [:]
        }
    }

    /// Counts the call; `leave` is to follow.
    private func begin(
        _ request: some BrokerRequest, _ metadata: Metadata, _ context: ServerContext
    ) async throws -> Errand {
        do throws(Denial) {
            let broker = try connections.broker(of: metadata)
            try connections.enter(broker)
            do throws(Denial) {
                return try await find(request, for: broker, context)
            } catch {
                connections.leave(broker)
                throw error
            }
        } catch {
            throw error.brokerStatus
        }
    }

    /// Whether a broker may refer so is asked before what it refers to.
    private func find(
        _ request: some BrokerRequest, for broker: Broker, _ context: ServerContext
    ) async throws(Denial) -> Errand {
        let message = request.reference
        try check(try Self.parsing { () throws(ReferenceError) in try WorkloadReference.kind(of: message) }, broker)
        let reference = try Self.parsing { () throws(ReferenceError) in
            try WorkloadReference(message, besideUnknown: request.unknownFields)
        }
        return Errand(
            broker: broker, referent: try await lookup.find(reference), workload: "\(reference)",
            call: context.descriptor.method)
    }

    private static func parsing<Value>(_ body: () throws(ReferenceError) -> Value) throws(Denial) -> Value {
        do throws(ReferenceError) { return try body() } catch { throw .badReference("\(error)") }
    }

    private func check(_ kind: BrokerPolicy.ReferenceKind, _ broker: Broker) throws(Denial) {
        do throws(Denial) { try policy.check(kind, of: broker) } catch {
            if case .forbidden(let reason) = error { observe(.denied(broker.id, reason: reason)) }
            throw error
        }
    }

    /// What is true of the workload as it is now, for a broker that is trusted now: nothing of one that has gone, or has become
    /// another, meanwhile.
    private func checked<Part>(
        _ errand: Errand, _ part: (Attestor, Workload) async throws(Denial) -> Part
    ) async throws(Denial) -> Part {
        let (broker, referent) = (errand.broker, errand.referent)
        let attestor = attestor.withholding(policy.withheld(from: broker))
        for _ in 0..<Self.mostLooks {
            let workload = try await lookup.workload(referent)
            let part = try await part(attestor, workload)
            guard try await lookup.workload(referent).isAsBefore(workload) else { continue }
            _ = try connections.broker(broker.connection)
            return part
        }
        throw .notReady
    }

    /// At a workload that is another each time.
    private static let mostLooks = 4
}

/// What a broker has come for.
private struct Errand: Sendable {
    let broker: Broker
    let referent: Referent
    /// As the broker named it.
    let workload: String
    let call: String

    func served(as identities: [SPIFFEID]) -> BrokerEvent {
        .served(broker.id, workload: workload, identities: identities, call: call)
    }
}

/// What all four calls have.
private protocol BrokerRequest: Message {
    var reference: Spiffe_Broker_WorkloadReference { get }
}

extension Spiffe_Broker_SubscribeToX509SVIDRequest: BrokerRequest {}
extension Spiffe_Broker_SubscribeToX509BundlesRequest: BrokerRequest {}
extension Spiffe_Broker_FetchJWTSVIDRequest: BrokerRequest {}
extension Spiffe_Broker_SubscribeToJWTBundlesRequest: BrokerRequest {}

extension Optional {
    /// What it was.
    fileprivate mutating func replace(with value: Wrapped) -> Wrapped? {
        defer { self = value }
        return self
    }
}
