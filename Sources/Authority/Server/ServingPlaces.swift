internal import Identity
internal import Issuance
internal import RateLimiting
internal import SecureTransport

extension AuthorityServer.Place {
    /// For nodes, and for who wants to be one.
    static func forNodes(
        _ core: AuthorityCore, _ identity: ServerIdentity, _ admission: AdmissionControl
    ) -> AuthorityServer.Place {
        AuthorityServer.Place(
            address: core.settings.listenAddress, port: core.settings.listenPort, expecting: .nodeOrAnonymous,
            // Without what is revoked: who shows that is told so in answer to each call, and shuts itself off.
            identity: TransportIdentity(
                current: { identity.current }, bundle: { [trust = core.trust] in trust.rootsOnly }, now: core.now),
            limits: core.settings.limits, admission: admission, listening: { .listening(address: $0) })
    }

    /// For workloads that are authorities. What it shows is what servers of SPIRE show.
    static func forDownstream(
        _ core: AuthorityCore, _ settings: DownstreamSettings
    ) throws(AuthorityError) -> AuthorityServer.Place {
        let identity: ServerIdentity
        do throws(IssuanceError) {
            let plan = try IssuancePlan.spireServer(
                in: core.settings.trustDomain, lifetime: core.settings.serverLifetime)
            identity = try ServerIdentity(
                core.authorities, plan, by: .active, now: core.now, observe: core.observe)
        } catch {
            throw .issuance(error)
        }
        var limits = core.settings.limits
        limits.nodeConnections = 64
        limits.connectionsPerNode = 4
        limits.streamsPerConnection = 8
        limits.admission = AdmissionLimits(
            strangers: .init(pending: 64, rate: Rate(burst: 64, perSecond: 16)),
            nodes: .init(pending: 64, rate: Rate(burst: 64, perSecond: 16)),
            pendingPerSource: 16, ratePerSource: Rate(burst: 32, perSecond: 4))
        return AuthorityServer.Place(
            address: settings.address, port: settings.port, expecting: .anyWorkload,
            identity: TransportIdentity(
                current: { identity.current }, bundle: { [trust = core.trust] in trust.bundle }, now: core.now),
            limits: limits, longestConnection: limits.downstreamConnection,
            admission: AdmissionControl(limits.admission),
            listening: { .downstreamListening(address: $0) })
    }
}
