public import AuthorityAPI
internal import Foundation
internal import GRPCCore
internal import Identity
internal import Issuance
internal import OpenSSLBinding
internal import PatientThreads

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
    ///
    /// Of several calls for one pod the last decides, and none outlives a `release`.
    public func issue(_ pod: PodFacts) async throws(AuthorityCallError) -> IssuedWorkload {
        nextIssue += 1
        let issue = nextIssue
        newestIssue[pod.podName] = issue
        let issued = try await request(pod, .awaited)
        guard newestIssue[pod.podName] == issue else { throw .superseded }
        hold(issued, issue: issue)
        return issued
    }

    /// The SVID that is held for exactly these facts, of an earlier run perhaps; a new one when there is none that is good.
    public func resume(_ pod: PodFacts) async throws(AuthorityCallError) -> IssuedWorkload {
        if let issued = await workload(pod.podName), issued.pod == pod, issued.svid.svid.notAfter > clock.now() {
            return issued
        }
        return try await issue(pod)
    }

    /// All SVIDs of pods that are held, those of an earlier run included.
    public var heldWorkloads: [IssuedWorkload] { workloads.values.map(\.issued) }

    /// A new key and SVID for a pod that has one; nil for a pod that has none.
    public func renew(_ name: PodName) async throws(AuthorityCallError) -> IssuedWorkload? {
        guard let held = workloads[name] else { return nil }
        let issued = try await request(held.issued.pod, .awaited)
        guard workloads[name]?.issue == held.issue else { return nil }
        hold(issued, issue: held.issue)
        return issued
    }

    /// Forgets a pod, here and on disk; its SVID lives out its time unused.
    public func release(_ name: PodName) {
        newestIssue[name] = nil
        jwtCache.remove(.pod(name))
        workloads.removeValue(forKey: name)?.renewal?.cancel()
        save { () throws(NodeStateError) in try files.workloads.remove(name) }
        identityChanges.send()
    }

    /// Pods are others than before: who follows `changes` is to look again.
    public nonisolated func podsChanged() { identityChanges.send() }

    /// The current SVID of a pod. Waits a moment for one that is about to take the place of a revoked one.
    public func workload(_ name: PodName) async -> IssuedWorkload? {
        await replacements[name]?.value
        return workloads[name]?.issued
    }

    private func hold(_ issued: IssuedWorkload, issue: UInt64) {
        let name = issued.pod.podName
        workloads[name]?.renewal?.cancel()
        workloads[name] = HeldWorkload(issued: issued, issue: issue)
        save { () throws(NodeStateError) in try files.workloads.save(issued) }
        renewInTime(name)
        workloadBroadcast.send(issued)
        identityChanges.send()
        observe(.workloadIssued(issued))
    }

    private func renewInTime(_ name: PodName) {
        guard let held = workloads[name] else { return }
        renew(held, at: renewalTime(of: held.issued.svid.svid))
    }

    /// At once for one that a CA issued which is about to be taken out.
    func renewalTime(of svid: X509SVID) -> Int64 {
        if bundle.taints(svid) { return clock.now() }
        return Schedule.renewal(notBefore: svid.notBefore, notAfter: svid.notAfter, chance: clock.random())
    }

    /// What an earlier run left is renewed like the rest.
    func renewRestored() {
        for (name, held) in workloads where held.renewal == nil { renewInTime(name) }
    }

    /// The node joined again, perhaps as another or elsewhere: SVIDs that mean nothing there are replaced at once.
    func renewForeign() {
        guard let node = currentSVID?.svid.id else { return }
        for held in workloads.values where !isGood(held.issued.svid.svid, on: node) { renew(held, at: clock.now()) }
    }

    private func isGood(_ svid: X509SVID, on node: SPIFFEID) -> Bool {
        let verified = try? SVIDVerifier(bundle: bundle).verify(issued: svid.chain, at: clock.now())
        return verified?.identity(ofWorkloadOn: node) != nil
    }

    func renew(_ held: HeldWorkload, at time: Int64, after pause: Duration = .zero) {
        held.renewal?.cancel()
        workloads[held.issued.pod.podName]?.renewal = Task { [weak self] in
            if pause > .zero { try? await self?.clock.sleep(pause) }
            await self?.keepFresh(held.issued, issue: held.issue, from: time)
        }
    }

    /// Sleeps until renewal is due, then tries until it works; a success begins a task of its own.
    private func keepFresh(_ issued: IssuedWorkload, issue: UInt64, from due: Int64) async {
        await sleep(until: due)
        var failures = 0
        while !Task.isCancelled, workloads[issued.pod.podName]?.issue == issue {
            do throws(AuthorityCallError) {
                let isGood = issued.svid.svid.notAfter > clock.now()
                let renewed = try await request(issued.pod, isGood ? .renewal : .awaited)
                guard !Task.isCancelled, workloads[issued.pod.podName]?.issue == issue else { return }
                return hold(renewed, issue: issue)
            } catch {
                failures += 1
                guard !Task.isCancelled else { return }
                observe(.workloadRenewalFailed(issued.pod, error, notAfter: issued.svid.svid.notAfter))
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

    private func request(
        _ pod: PodFacts, _ urgency: RequestQueue.Urgency
    ) async throws(AuthorityCallError) -> IssuedWorkload {
        var message = Podshield_Authority_V1_IssueWorkloadRequest()
        message.pod = Podshield_Authority_V1_PodFacts(pod)
        let issued = try await request(message, urgency)
        return IssuedWorkload(
            pod: pod, svid: issued.svid, identity: issued.identity, labels: issued.answer.labels,
            federatesWith: Set(issued.answer.federatesWith.compactMap { try? TrustDomain($0) }))
    }

    typealias Issued = (
        svid: KeyedSVID, identity: NumericIdentity, answer: Podshield_Authority_V1_IssueWorkloadResponse
    )

    /// When its turn has come, makes a key and has the authority issue for whom `message` names.
    func request(
        _ message: Podshield_Authority_V1_IssueWorkloadRequest, _ urgency: RequestQueue.Urgency
    ) async throws(AuthorityCallError) -> Issued {
        if let exclusion, exclusion.takesAllBack { throw .denied(exclusion.reason) }
        return try await workloadRequests.run(urgency) { () async throws(AuthorityCallError) in
            try await request(message)
        }
    }

    private func request(
        _ message: Podshield_Authority_V1_IssueWorkloadRequest
    ) async throws(AuthorityCallError) -> Issued {
        guard let node = currentSVID?.svid.id else { throw .notJoined }
        let (key, request) = try await makeRequest(settings.keyAlgorithm)
        let asked = clock.now()
        var message = message
        message.request = request
        let answer = try await caller.call { [message] calls, options in
            try await calls.issueWorkload(message, options: options)
        }
        answered()
        let svid = try accept(answer.chain, key: key, asked: asked)
        guard let identity = svid.svid.identity(ofWorkloadOn: node) else {
            throw .badAnswer("it is not an identity of a workload on this node")
        }
        return (svid, identity, answer)
    }

    /// For RSA, which takes long, on threads of its own: whoever asks the node for something else is not to wait for it.
    nonisolated func makeRequest(
        _ algorithm: KeyAlgorithm
    ) async throws(AuthorityCallError) -> (key: PrivateKey, request: Data) {
        let make = { @Sendable () throws(OpenSSLError) in
            let key = try PrivateKey.generate(algorithm)
            return (key: key, request: Data(try SigningRequest.make(key: key)))
        }
        do throws(OpenSSLError) {
            guard algorithm.isSlow else { return try make() }
            if let made = await Self.makers.result(of: make) { return try made.get() }
        } catch {
            throw .openSSL(error)
        }
        throw .superseded
    }

    private static let makers = PatientThreads(2)
}

extension KeyAlgorithm {
    /// Whether to make a key takes a processor for more than a moment.
    fileprivate var isSlow: Bool {
        switch self {
        case .rsa2048, .rsa4096: true
        case .ecP256, .ecP384, .ed25519: false
        }
    }
}
