public import AuthorityAPI
internal import Foundation
internal import GRPCCore
internal import Identity
internal import Issuance
internal import OpenSSLBinding

/// A pod's SVID and what keeps it fresh.
struct HeldWorkload {
    var issued: IssuedWorkload
    /// Which issue for this pod it belongs to: what an older one brings home is thrown away.
    var issue: UInt64
    var renewal: Task<Void, Never>?
}

extension NodeIdentityService {
    /// Makes a key, has an SVID issued for a pod, and keeps it renewed until `release`. Facts that changed replace the
    /// former.
    public func issue(_ pod: PodFacts) async throws(AuthorityCallError) -> IssuedWorkload {
        nextIssue += 1
        let issue = nextIssue
        let issued = try await request(pod)
        // Something newer was asked for this pod meanwhile: that decides.
        if let held = workloads[pod.podName], held.issue > issue { return held.issued }
        hold(issued, issue: issue)
        return issued
    }

    /// A new key and SVID for a pod that has one; nil for a pod that has none.
    public func renew(_ name: PodName) async throws(AuthorityCallError) -> IssuedWorkload? {
        guard let held = workloads[name] else { return nil }
        let issued = try await request(held.issued.pod)
        guard workloads[name]?.issue == held.issue else { return nil }
        hold(issued, issue: held.issue)
        return issued
    }

    /// Forgets a pod; its SVID lives out its time unused.
    public func release(_ name: PodName) {
        workloads.removeValue(forKey: name)?.renewal?.cancel()
    }

    /// The current SVID of a pod.
    public func workload(_ name: PodName) -> IssuedWorkload? { workloads[name]?.issued }

    private func hold(_ issued: IssuedWorkload, issue: UInt64) {
        let name = issued.pod.podName
        workloads[name]?.renewal?.cancel()
        workloads[name] = HeldWorkload(issued: issued, issue: issue)
        workloads[name]?.renewal = Task { [weak self] in await self?.keepFresh(issued, issue: issue) }
        workloadBroadcast.send(issued)
        observe(.workloadIssued(issued))
    }

    /// Sleeps until renewal is due, then tries until it works; a success begins a task of its own.
    private func keepFresh(_ issued: IssuedWorkload, issue: UInt64) async {
        let svid = issued.svid.svid
        await sleep(
            until: Schedule.renewal(notBefore: svid.notBefore, notAfter: svid.notAfter, chance: clock.random()))
        var failures = 0
        while !Task.isCancelled, workloads[issued.pod.podName]?.issue == issue {
            do throws(AuthorityCallError) {
                let renewed = try await request(issued.pod)
                guard !Task.isCancelled, workloads[issued.pod.podName]?.issue == issue else { return }
                return hold(renewed, issue: issue)
            } catch {
                failures += 1
                guard !Task.isCancelled else { return }
                observe(.workloadRenewalFailed(issued.pod, error, notAfter: svid.notAfter))
                try? await clock.sleep(Schedule.retry(failures: failures, chance: clock.random()))
            }
        }
    }

    /// In steps, so that a clock that was set is noticed.
    func sleep(until time: Int64) async {
        while !Task.isCancelled, clock.now() < time {
            try? await clock.sleep(.seconds(min(time - clock.now(), 60)))
        }
    }

    private func request(_ pod: PodFacts) async throws(AuthorityCallError) -> IssuedWorkload {
        guard let node = currentSVID?.svid.id else { throw .notJoined }
        let (key, request) = try makeRequest(settings.keyAlgorithm)
        var message = Podshield_Authority_V1_IssueWorkloadRequest()
        message.pod = Podshield_Authority_V1_PodFacts(pod)
        message.request = request
        let answer = try await caller.call { [message] calls, options in
            try await calls.issueWorkload(message, options: options)
        }
        answered()
        let svid = try KeyedSVID(answer: answer.chain, key: key, bundle: bundle, now: clock.now())
        guard svid.svid.id.kind == .workload, let binding = svid.svid.binding, binding.node == node else {
            throw .badAnswer("it is not an identity of a workload on this node")
        }
        return IssuedWorkload(pod: pod, svid: svid, identity: binding.identity, labels: answer.labels)
    }

    func makeRequest(_ algorithm: KeyAlgorithm) throws(AuthorityCallError) -> (key: PrivateKey, request: Data) {
        do throws(OpenSSLError) {
            let key = try PrivateKey.generate(algorithm)
            return (key, Data(try SigningRequest.make(key: key)))
        } catch {
            throw .openSSL(error)
        }
    }
}
