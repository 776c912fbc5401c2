internal import AuthorityAPI
internal import Foundation
internal import GRPCCore
internal import Identity
internal import OpenSSLBinding
internal import TrustedPlatform

extension NodeIdentityService {
    /// Renews the node's own SVID whenever it is due.
    func stayRenewed() async {
        var failures = 0
        var told: X509SVID?
        while !Task.isCancelled {
            let changes = credentialsChanged.stream()
            guard let svid = currentSVID?.svid else {
                if let expired = credentials.svid?.svid, expired != told {
                    observe(.identityExpired(notAfter: expired.notAfter))
                    told = expired
                }
                await waitForIdentity(changes)
                continue
            }
            await waitForRenewal(of: svid)
            // It may have joined again meanwhile.
            guard !Task.isCancelled, credentials.svid?.svid == svid else { continue }
            do throws(AuthorityCallError) {
                try await renewNode()
                failures = 0
            } catch {
                failures += 1
                observe(.nodeRenewalFailed(error, notAfter: svid.notAfter))
                // What one refuses another may grant: lists of TPMs, for instance, are each authority's own.
                askAnother()
                try? await clock.sleep(Schedule.retry(failures: failures, chance: clock.random()))
            }
        }
    }

    private func askAnother() {
        guard settings.authorityAddresses.count > 1, currentSVID != nil else { return }
        authorityTurn += 1
        credentialsChanged.send(())
    }

    /// Until its time has come, or its CA is about to be taken out.
    private func waitForRenewal(of svid: X509SVID) async {
        let due = Schedule.renewal(notBefore: svid.notBefore, notAfter: svid.notAfter, chance: clock.random())
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.sleep(until: due) }
            group.addTask {
                for await _ in self.watch().changes where self.bundle.taints(svid) { break }
                try? await self.clock.sleep(Schedule.replacement(chance: self.clock.random()))
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// Until the node may have an SVID that counts: it has another one, or its clock, by which the one it has is over, may have
    /// been set right.
    func waitForIdentity(_ changes: AsyncStream<Void>) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in changes { break } }
            group.addTask { [clock] in try? await clock.sleep(.seconds(5)) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Replaces the node's SVID by a new one with a new key. Where the authority says so, the node's TPM answers for it.
    public func renewNode() async throws(AuthorityCallError) {
        let renewed = currentSVID?.svid
        do throws(AuthorityCallError) {
            try await replaceSVID()
            renewalFailure = nil
        } catch {
            // Not if it has joined again meanwhile.
            if currentSVID?.svid == renewed { renewalFailure = error }
            throw error
        }
    }

    private func replaceSVID() async throws(AuthorityCallError) {
        guard let current = currentSVID?.svid else { throw .notJoined }
        let asked = clock.now()
        let (key, request) = try await makeRequest(.ecP256)
        var message = Podshield_Authority_V1_RenewNodeRequest()
        message.request = request
        let answer = try await renewed(by: message)
        answered()
        let svid = try accept(answer.chain, key: key, asked: asked)
        guard svid.svid.id == current.id else { throw .badAnswer("it is not the identity of this node") }
        // It joined again while the answer was on its way: that identity is the newer.
        guard credentials.svid?.svid == current else { return }
        save { () throws(NodeStateError) in try files.save(svid) }
        credentials.replace(svid: svid)
        credentialsChanged.send(())
        observe(.nodeRenewed(svid.svid))
    }

    private func renewed(
        by message: Podshield_Authority_V1_RenewNodeRequest
    ) async throws(AuthorityCallError) -> Podshield_Authority_V1_RenewNodeResponse {
        if renewsByTPM, let source = settings.tpm { return try await renewed(by: message, source) }
        do throws(AuthorityCallError) {
            return try await caller.call { calls, options in try await calls.renewNode(message, options: options) }
        } catch {
            guard error == .tpmNeeded, let source = settings.tpm else { throw error }
            renewsByTPM = true
            return try await renewed(by: message, source)
        }
    }

    private func renewed(
        by message: Podshield_Authority_V1_RenewNodeRequest, _ source: any TPMSource
    ) async throws(AuthorityCallError) -> Podshield_Authority_V1_RenewNodeResponse {
        let witness: TPMWitness
        do throws(TPMError) { witness = try await TPMWitness(source, tpmCalls) } catch { throw .tpm(error) }
        return try await caller.callOverConnection { connection, options in
            var message = message
            message.tpm = try await witness.answer(for: Array(message.request), over: connection, options)
            return try await connection.calls.renewNode(message, options: options)
        }
    }
}
