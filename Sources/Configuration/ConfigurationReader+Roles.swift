import Addressing

extension ConfigurationReader {
    mutating func authority(orAt fallback: IPAddress?) -> PodshieldConfiguration.Authority? {
        let listen = document.value(.authorityListen, .address) ?? fallback
        let port = document.value(.authorityPort, .port, default: 7601)
        let advertised = document.value(.authorityAdvertise, .endpoint)
        if let listen, listen.isUnspecified, !document.has(.authorityAdvertise) {
            document.report("is needed, since nobody can connect to \(listen)", at: .authorityAdvertise)
        }
        let name = document.value(.authorityName, .segment, default: "authority")
        let (keyStore, upstream) = (keyStore(), upstream())
        let autoRegister = document.value(
            .authorityAutoRegister, .word, default: PodshieldConfiguration.AutoRegister.none)
        let template = document.value(
            .authorityIdentityTemplate, .identityTemplate, default: "/ns/{namespace}/sa/{service-account}")
        let workloadLifetime = document.value(
            .authorityWorkloadLifetime, .duration(from: "1m", to: "30d"), default: .seconds(3600))
        let nodeLifetime = document.value(
            .authorityNodeLifetime, .duration(from: "1m", to: "30d"), default: .seconds(86400))
        let caLifetime = caLifetime(
            beyond: [(.authorityWorkloadLifetime, workloadLifetime), (.authorityNodeLifetime, nodeLifetime)],
            below: upstream)
        let jwtLifetime = document.value(
            .authorityJWTLifetime, .duration(from: "10s", to: "1h"), default: .seconds(300))
        let jwtIssuer = document.value(.authorityJWTIssuer, .issuer)
        let (machineCertificates, tpms, cluster, etcd) = (machineCertificates(), tpms(), cluster(), etcd())
        let downstream = downstream(orAt: listen, port: port, below: upstream)
        let (bundleEndpoint, relationships) = (bundleEndpoint(orAt: listen), relationships())
        guard let listen, let keyStore else { return nil }
        return PodshieldConfiguration.Authority(
            name: name, listenAddress: listen, port: port, advertised: advertised ?? Endpoint(listen, port: port),
            keyStore: keyStore, upstream: upstream, autoRegister: autoRegister, identityTemplate: template,
            caLifetime: caLifetime, workloadLifetime: workloadLifetime, nodeLifetime: nodeLifetime,
            jwtLifetime: jwtLifetime, jwtIssuer: jwtIssuer, etcd: etcd, machineCertificates: machineCertificates,
            tpms: tpms, cluster: cluster, downstream: downstream, bundleEndpoint: bundleEndpoint,
            relationships: relationships)
    }

    /// A CA takes over with a sixth of the life of the one before it left, and what that issued is not to be cut short. Below one that signs
    /// on request it lasts no longer than that asks for (docs/adr/0044).
    private mutating func caLifetime(
        beyond lifetimes: [(key: ConfigurationKey, value: Duration)], below upstream: PodshieldConfiguration.Upstream?
    ) -> Duration {
        let shortest = max(Duration.seconds(86400), (lifetimes.map(\.value).max() ?? .zero) * 6)
        let lifetime = document.value(
            .authorityCALifetime, .duration(from: "1h", to: "3650d"),
            default: upstream?.signsOnRequest == true ? shortest : .seconds(365 * 86400))
        for (key, value) in lifetimes where value > lifetime / 6 {
            document.report("is more than a sixth of authority.ca-lifetime", at: key)
        }
        return lifetime
    }

    /// Reports each of these keys that stands beside another of them.
    mutating func only(one keys: [ConfigurationKey]) {
        let given = keys.filter(document.has)
        for key in given.dropFirst() { document.report("stands beside \(given[0].rawValue); only one may", at: key) }
    }
}
