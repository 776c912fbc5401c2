internal import Addressing
internal import AuthorityAPI
internal import Foundation
internal import GRPCCore
internal import Identity
internal import Issuance
internal import JOSE
internal import OpenSSLBinding
internal import TrustedPlatform

/// The gRPC service: who calls, what the message says, what the core decides, back into a message.
struct AuthorityCalls: Podshield_Authority_V1_Authority.ServiceProtocol {
    let core: AuthorityCore
    let nodeBudget: CallBudget
    let joinBudget: CallBudget

    init(_ core: AuthorityCore) {
        self.core = core
        nodeBudget = CallBudget(core.settings.limits.nodeCalls)
        joinBudget = CallBudget(core.settings.limits.joins)
    }

    func join(
        request: ServerRequest<Podshield_Authority_V1_JoinRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Authority_V1_JoinResponse> {
        let message = request.message
        do throws(JoinRefusal) {
            guard joinBudget.spend(Self.network(of: context.remotePeer)) else { throw .tooManyTries }
            let joined = try await core.join(
                by: Self.evidence(message, Self.strangersProof(request.metadata)), request: Array(message.request),
                name: message.nodeName.isEmpty ? nil : message.nodeName,
                endpoint: message.hasEndpoint ? message.endpoint.parsed : nil)
            var answer = Podshield_Authority_V1_JoinResponse()
            answer.chain = joined.svid.wire
            answer.bundle = Podshield_Authority_V1_Bundle(core.trust.bundle)
            answer.nodeNumber = joined.node.number.rawValue
            return ServerResponse(message: answer)
        } catch {
            core.observe(.joinRefused(peer: context.remotePeer, error))
            throw CallRefusal.join(error).status
        }
    }

    func challengeTPM(
        request: ServerRequest<Podshield_Authority_V1_ChallengeTPMRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Authority_V1_ChallengeTPMResponse> {
        let message = request.message
        let occasion = JoinOccasion(
            exporter: ConnectionProof(request.metadata)?.exporter, request: Array(message.request))
        // A node that renews is counted as nodes are.
        guard Caller(request.metadata) == nil else {
            return try await answer(request.metadata) { (_) throws(CallRefusal) in
                do throws(JoinRefusal) { return try challenge(message, occasion) } catch { throw .join(error) }
            }
        }
        do throws(JoinRefusal) {
            guard joinBudget.spend(Self.network(of: context.remotePeer)) else { throw .tooManyTries }
            return ServerResponse(message: try challenge(message, occasion))
        } catch {
            core.observe(.joinRefused(peer: context.remotePeer, error))
            throw CallRefusal.join(error).status
        }
    }

    private func challenge(
        _ message: Podshield_Authority_V1_ChallengeTPMRequest, _ occasion: JoinOccasion
    ) throws(JoinRefusal) -> Podshield_Authority_V1_ChallengeTPMResponse {
        let challenge = try core.challenge(message.keys.parsed, occasion)
        var answer = Podshield_Authority_V1_ChallengeTPMResponse()
        (answer.credential, answer.secret) = (Data(challenge.credential), Data(challenge.secret))
        answer.registers = challenge.registers.numbers.map(UInt32.init)
        answer.endsAt = challenge.endsAt
        return answer
    }

    /// Nobody joins on a connection that came with an SVID.
    private static func strangersProof(_ metadata: Metadata) -> ConnectionProof? {
        Caller(metadata) == nil ? ConnectionProof(metadata) : nil
    }

    private static func evidence(
        _ message: Podshield_Authority_V1_JoinRequest, _ connection: ConnectionProof?
    ) -> JoinEvidence {
        if message.hasTpm {
            let occasion = JoinOccasion(exporter: connection?.exporter, request: Array(message.request))
            return .tpm(TPMEvidence(message.tpm), occasion)
        }
        if !message.clusterToken.isEmpty { return .clusterToken(message.clusterToken) }
        guard message.hasCertificate else { return .token(message.token) }
        return .certificate(
            MachineEvidence(
                chain: message.certificate.chain.map(Array.init), signature: Array(message.certificate.signature),
                exporter: connection?.exporter, request: Array(message.request)))
    }

    func renewNode(
        request: ServerRequest<Podshield_Authority_V1_RenewNodeRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Authority_V1_RenewNodeResponse> {
        try await answer(request.metadata) { (node) throws(CallRefusal) in
            var answer = Podshield_Authority_V1_RenewNodeResponse()
            let message = request.message
            let occasion = JoinOccasion(
                exporter: ConnectionProof(request.metadata)?.exporter, request: Array(message.request))
            try core.checkTPM(of: node, message.hasTpm ? TPMEvidence(message.tpm) : nil, occasion)
            answer.chain = try await core.renew(node, request: Array(message.request)).wire
            return answer
        }
    }

    func issueWorkload(
        request: ServerRequest<Podshield_Authority_V1_IssueWorkloadRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Authority_V1_IssueWorkloadResponse> {
        try await answer(request.metadata) { (node) throws(CallRefusal) in
            let message = request.message
            let issued = try await core.issue(
                Self.subject(entry: message.entry, pod: message.pod), request: Array(request.message.request), on: node)
            var answer = Podshield_Authority_V1_IssueWorkloadResponse()
            answer.chain = issued.svid.wire
            answer.labels = issued.registration.labels.values
            answer.federatesWith = issued.registration.federatesWith.map(\.name)
            return answer
        }
    }

    func issueJWT(
        request: ServerRequest<Podshield_Authority_V1_IssueJWTRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Authority_V1_IssueJWTResponse> {
        do throws(CallRefusal) { try await core.beNew() } catch { throw error.status }
        return try await answer(request.metadata) { (node) throws(CallRefusal) in
            let message = request.message
            let audience: JWTAudience
            do throws(JWTAudienceError) { audience = try JWTAudience(message.audience) } catch {
                throw .malformed("\(error)")
            }
            var answer = Podshield_Authority_V1_IssueJWTResponse()
            answer.token = try await core.issueJWT(
                Self.subject(entry: message.entry, pod: message.pod), audience: audience, on: node
            ).token
            return answer
        }
    }

    private static func subject(
        entry: String, pod: Podshield_Authority_V1_PodFacts
    ) throws(CallRefusal) -> WorkloadSubject {
        guard entry.isEmpty else { return .entry(id: entry) }
        do throws(PodFactsError) {
            return .pod(try pod.parsed())
        } catch {
            throw .malformed("\(error)")
        }
    }

    func reportNode(
        request: ServerRequest<Podshield_Authority_V1_ReportNodeRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Authority_V1_ReportNodeResponse> {
        try await answer(request.metadata) { (node) throws(CallRefusal) in
            let message = request.message
            guard let endpoint = message.endpoint.parsed else { throw .malformed("the endpoint makes no sense") }
            guard message.leases.count <= AuthorityWire.mostLeases else { throw .malformed("too many leases") }
            let leases = message.leases.compactMap(\.parsed)
            guard leases.count == message.leases.count else { throw .malformed("a lease is no prefix") }
            let outcome = try await core.report(node, endpoint: endpoint, leases: Set(leases))
            var answer = Podshield_Authority_V1_ReportNodeResponse()
            answer.revision = outcome.revision
            answer.refused = outcome.refused.map(Podshield_Authority_V1_Prefix.init)
            return answer
        }
    }

    func watchDirectory(
        request: ServerRequest<Podshield_Authority_V1_WatchDirectoryRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<Podshield_Authority_V1_SignedDirectory> {
        let leavesCutOff = request.message.leavesCutOff
        // Of a node that has joined only the others may know yet; how this authority fares is no stranger's business.
        if leavesCutOff, Caller(request.metadata) != nil, core.registry.isCutOff {
            throw CallRefusal.cutOff.status
        }
        let caller = try await caller(request.metadata)
        return StreamingServerResponse { writer in
            try await DirectoryWatch(core: core, caller: caller, leavesCutOff: leavesCutOff).run(writer)
            return [:]
        }
    }

    func watchEntries(
        request: ServerRequest<Podshield_Authority_V1_WatchEntriesRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<Podshield_Authority_V1_EntryList> {
        let caller = try await caller(request.metadata)
        return StreamingServerResponse { writer in
            try await EntryWatch(core: core, caller: caller, takesChanges: request.message.takesChanges).run(writer)
            return [:]
        }
    }

    // MARK: What every call of a node has in common

    /// A node that may watch something.
    private func caller(_ metadata: Metadata) async throws -> Caller {
        try await refusing(metadata) { (caller) throws(CallRefusal) in
            _ = try await core.node(of: caller)
            return caller
        }
    }

    private func answer<Message: Sendable>(
        _ metadata: Metadata, _ body: (NodeRecord) async throws(CallRefusal) -> Message
    ) async throws -> ServerResponse<Message> {
        let message = try await refusing(metadata) { (caller) throws(CallRefusal) in
            try await body(core.node(of: caller))
        }
        return ServerResponse(message: message)
    }

    /// Runs `body` for a caller within its budget; a refusal is reported and becomes a status.
    private func refusing<Value>(
        _ metadata: Metadata, _ body: (Caller) async throws(CallRefusal) -> Value
    ) async throws -> Value {
        let caller = Caller(metadata)
        do throws(CallRefusal) {
            guard let caller else { throw .anonymous }
            guard nodeBudget.spend(caller.id.description) else { throw .tooManyCalls }
            return try await body(caller)
        } catch {
            core.observe(.callRefused(caller: caller?.id, error))
            throw error.status
        }
    }

    /// What one machine, or one IPv6 customer, can call from, of a peer such as `ipv4:192.0.2.1:4711`.
    static func network(of peer: String) -> String {
        let parts = peer.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let colon = parts[1].lastIndex(of: ":") else { return peer }
        let host = parts[1][..<colon].filter { $0 != "[" && $0 != "]" }
        guard let address = IPAddress(String(host.prefix { $0 != "%" })) else { return peer }
        return address.site.description
    }
}

extension TPMEvidence {
    fileprivate init(_ answer: Podshield_Authority_V1_TPMAnswer) {
        self.init(
            keys: answer.keys.parsed, secret: answer.parsedSecret, endsAt: answer.endsAt,
            quote: SignedQuote(attestation: Array(answer.quote), signature: Array(answer.signature)))
    }
}

extension X509SVID {
    fileprivate var wire: [Data] { chain.map { Data($0.der) } }
}
