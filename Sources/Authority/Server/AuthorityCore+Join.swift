internal import AuthorityAPI
internal import Identity
internal import Issuance
internal import TrustedPlatform

/// By what a node wants to be let in, as it said.
enum JoinEvidence: Sendable {
    case token(String)
    case certificate(MachineEvidence)
    case clusterToken(String)
    case tpm(TPMEvidence, JoinOccasion)
}

extension AuthorityCore {
    /// Lets a node in. The request's signature is checked only once it is known that the node may join.
    func join(
        by evidence: JoinEvidence, request: [UInt8], name: String?, endpoint: NodeEndpoint?
    ) async throws(JoinRefusal) -> (node: NodeRecord, svid: X509SVID) {
        let now = now()
        let credential = try await credential(evidence, now: now)
        if let name, !Self.isNodeName(name) { throw .badName(name) }
        guard let endpoint else { throw .badEndpoint }
        let joining = Registry.Joining(credential: credential, name: name, endpoint: endpoint)
        let granted = try await registry.grantedName(joining, now: now)
        // Before the transaction: nothing in the registry may wait for a key. Not when the call came: a cluster may have been
        // asked since, and what another machine was issued meanwhile in this node's name is of before.
        let issuedAt = self.now()
        let svid = try await issue(granted, try prove(request), now: issuedAt)
        let joined = (node: try await registry.join(joining, with: svid, now: issuedAt), svid: svid)
        await publisher.changed()
        observe(.joined(joined.node))
        return joined
    }

    private func credential(_ evidence: JoinEvidence, now: Int64) async throws(JoinRefusal) -> Registry.Credential {
        switch evidence {
        case .token(let text):
            guard let token = JoinToken(presented: text) else { throw .unknownToken }
            try await registry.checkToken(token, now: now)
            return .token(token)
        case .certificate(let evidence): return .attested(try attest(evidence, now: now))
        case .clusterToken(let token): return .attested(try await attest(token))
        case .tpm(let evidence, let occasion):
            return .attested(
                try tpms { (tpms) throws(TPMRejection) in try tpms.attest(evidence, occasion, now: now) })
        }
    }

    /// What a node's TPM has to answer for the node to be let in.
    func challenge(_ keys: TPMKeys, _ occasion: JoinOccasion) throws(JoinRefusal) -> TPMChallenge {
        try tpms { (tpms) throws(TPMRejection) in try tpms.challenge(keys, occasion, now: now()) }
    }

    /// A node that its TPM let in has to have it whenever it renews. Of others nothing is asked.
    func checkTPM(of node: NodeRecord, _ evidence: TPMEvidence?, _ occasion: JoinOccasion) throws(CallRefusal) {
        guard case .tpm = node.attestation else { return }
        guard let evidence else { throw .tpmNeeded(node.id) }
        do throws(JoinRefusal) {
            let shown = try tpms { (tpms) throws(TPMRejection) in try tpms.attest(evidence, occasion, now: now()) }
            guard shown.name == node.name else { throw .otherName(asked: node.name) }
            // Another that has the name by now has to join.
            guard shown.attestation == node.attestation else { throw .nameHeld(node.name) }
        } catch {
            throw .join(error)
        }
    }

    private func tpms<Value>(_ body: (TrustedTPMs) throws(TPMRejection) -> Value) throws(JoinRefusal) -> Value {
        do throws(TPMRejection) {
            guard let tpms = settings.tpms else { throw .notConfigured }
            return try body(tpms)
        } catch {
            throw .tpm(error)
        }
    }

    private func attest(_ clusterToken: String) async throws(JoinRefusal) -> AttestedNode {
        do throws(ClusterRejection) {
            guard let clusterTokens = settings.clusterTokens else { throw .notConfigured }
            return try await clusterTokens.attest(clusterToken)
        } catch {
            throw .clusterToken(error)
        }
    }

    private func attest(_ evidence: MachineEvidence, now: Int64) throws(JoinRefusal) -> AttestedNode {
        do throws(MachineRejection) {
            guard let certificates = settings.machineCertificates else { throw .notConfigured }
            return try certificates.attest(evidence, now: now)
        } catch {
            throw .certificate(error)
        }
    }

    private func prove(_ request: [UInt8]) throws(JoinRefusal) -> ProvenRequest {
        do throws(IssuanceError) {
            return try ProvenRequest(csrDER: request)
        } catch {
            throw .issuance(error)
        }
    }

    private func issue(_ name: String, _ request: ProvenRequest, now: Int64) async throws(JoinRefusal) -> X509SVID {
        do throws(IssuanceError) {
            return try await issueNode(name, request, now: now)
        } catch {
            throw .issuance(error)
        }
    }
}
