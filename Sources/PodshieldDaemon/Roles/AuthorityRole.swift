import Addressing
import Authority
import Configuration
import Identity
import SharedRegistry
import Telemetry

/// The authority in this daemon.
struct AuthorityRole: Sendable {
    let service: AuthorityService
    let port: UInt16

    /// Returns once it listens.
    static func start(
        _ settings: PodshieldConfiguration.Authority, _ daemon: DaemonContext
    ) async throws(StartError) -> AuthorityRole {
        let authoritySettings = try AuthoritySettings(settings, daemon.configuration)
        let service: AuthorityService
        do throws(AuthorityError) {
            service = try await AuthorityService.open(
                authoritySettings, now: WallClock.seconds,
                observe: { [reports = daemon.reports] in reports.record(Event($0)) })
        } catch {
            throw .authority(error)
        }
        let running = Task { try await service.run() }
        guard let port = await service.port else { throw await Self.failure(of: running) }
        if settings.downstream != nil, await service.downstreamPort == nil { throw await Self.failure(of: running) }
        daemon.components.adopt("the authority", running)
        if let endpoint = settings.bundleEndpoint { try await service.publish(endpoint, daemon) }
        return AuthorityRole(service: service, port: port)
    }

    private static func failure(of running: Task<Void, any Error>) async -> StartError {
        do {
            try await running.value
            return .stoppedWhileStarting
        } catch {
            return .authority(error as? AuthorityError ?? .serverFailed("\(error)"))
        }
    }

    /// How the node in the same process reaches it.
    var localAddress: String {
        let listening = service.settings.listenAddress
        let isAny = listening.packed.allSatisfy { $0 == 0 }
        let host = isAny ? (listening.isIPv4 ? "127.0.0.1" : "::1") : "\(listening)"
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

extension AuthoritySettings {
    init(
        _ settings: PodshieldConfiguration.Authority, _ configuration: PodshieldConfiguration
    ) throws(StartError) {
        self.init(
            trustDomain: configuration.trustDomain, name: settings.name,
            stateDirectory: configuration.paths.authorityState, listenAddress: settings.listenAddress,
            listenPort: settings.port)
        keyStore = try KeyStore(settings.keyStore)
        upstream = try settings.upstream.map { (upstream) throws(StartError) in
            try Upstream(upstream, of: configuration.trustDomain)
        }
        advertisedAddress = settings.advertised.description
        caLifetime = settings.caLifetime
        workloadLifetime = settings.workloadLifetime
        nodeLifetime = settings.nodeLifetime
        jwtLifetime = settings.jwtLifetime
        jwtIssuer = settings.jwtIssuer
        serverLifetime = settings.nodeLifetime
        leasable = configuration.protected
        autoRegistration = try AutoRegistration(settings, configuration)
        if let certificates = settings.machineCertificates {
            machineCertificates = try MachineCertificates(certificates)
        }
        downstream = settings.downstream.map {
            DownstreamSettings(
                address: $0.address, port: $0.port, lifetime: $0.caLifetime, takesKeys: $0.takesKeys)
        }
        var configured: [ConfiguredRelationship] = []
        for each in settings.relationships { configured.append(try ConfiguredRelationship(each)) }
        relationships = configured
        if let settings = settings.tpms { tpms = try TrustedTPMs(settings) }
        sharedLog = settings.etcd.map { EtcdLog($0, of: configuration.trustDomain) }
        if let cluster = settings.cluster { clusterTokens = try ClusterTokens(cluster) }
    }
}

extension AutoRegistration {
    fileprivate init(
        _ settings: PodshieldConfiguration.Authority, _ configuration: PodshieldConfiguration
    ) throws(StartError) {
        let template: IdentityTemplate
        do throws(IdentityTemplateError) { template = try IdentityTemplate(settings.identityTemplate) } catch {
            throw .badSetting(key: .authorityIdentityTemplate, reason: "\(error)")
        }
        self.init(scope: try Self.scope(settings.autoRegister, configuration), template: template)
    }

    private static func scope(
        _ setting: PodshieldConfiguration.AutoRegister, _ configuration: PodshieldConfiguration
    ) throws(StartError) -> Scope {
        switch setting {
        case .none: return .none
        case .allNodes: return .allNodes
        case .ownNode:
            guard let name = configuration.node?.name else { return .none }
            do throws(SPIFFEIDError) {
                return .node(try ReservedNames.node(name, in: configuration.trustDomain))
            } catch {
                throw .badSetting(key: .nodeName, reason: "\(error)")
            }
        }
    }
}
