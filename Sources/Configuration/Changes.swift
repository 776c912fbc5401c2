internal import JOSE

extension PodshieldConfiguration {
    /// The keys whose values differ, in the order of the documentation. A token counts by where it is, not by what it is.
    public func changes(to newer: Self) -> [ConfigurationKey] {
        ConfigurationKey.allCases.filter { text($0) != newer.text($0) }
    }

    /// The value of a key in words; nil where the role has none.
    private func text(_ key: ConfigurationKey) -> String? {
        switch key {
        case .role: role.name.rawValue
        case .trustDomain: "\(trustDomain)"
        case .instance: instance
        case .logLevel: logLevel.rawValue
        case .protected: "\(protected)"
        case .pathsState: paths.state
        case .pathsRun: paths.run
        case .pathsBPFFS: paths.bpffs
        case .pathsBPFObject: paths.bpfObject
        default: node?.text(key) ?? authority?.text(key) ?? join?.text(key)
        }
    }
}

extension ConfigurationKey {
    /// Whether a running daemon takes a new value; all others need a restart.
    public var isReloadable: Bool {
        switch self {
        case .logLevel, .protected, .permissive, .datapathEventsPerSecond: true
        default: false
        }
    }
}

extension PodshieldConfiguration.Role {
    var name: RoleName {
        switch self {
        case .standalone: .standalone
        case .authority: .authority
        case .node: .node
        }
    }
}

extension PodshieldConfiguration.Node {
    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch key {
        case .nodeName: name
        case .nodeAddress: "\(address)"
        case .nodeLinkPort: "\(linkPort)"
        case .nodeESPPort: "\(espPort)"
        case .nodeKeyType: keyType.rawValue
        case .nodeStateKeyFile, .nodeStateKeyCredential: stateKey.map { "\($0)" }
        case .nodeContainerRuntime: containerRuntime
        case .permissive: "\(permissive)"
        case .uplinks: "\(uplinks)"
        case .sdsRequireHeader: "\(sdsRequiresHeader)"
        case .sdsRevocationLists: "\(sdsHasRevocationLists)"
        case .linkEpochLifetime: "\(link.epochLifetime)"
        case .linkRekeyPackets: "\(link.rekeyPackets)"
        case .linkRekeyBytes: "\(link.rekeyBytes)"
        case .linkPreconnect: "\(link.preconnect)"
        case .datapathAttachment: datapath.attachment.rawValue
        case .datapathMarkMask: "\(datapath.markMask)"
        case .datapathEventsPerSecond: "\(datapath.eventsPerSecond)"
        case .netnsHelperSocket, .netnsHelperExecutable: "\(netnsHelper)"
        default: broker?.text(key) ?? datapath.tables.text(key)
        }
    }
}

extension PodshieldConfiguration.Tables {
    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch key {
        case .tablesSecurityAssociations: "\(securityAssociations)"
        case .tablesPeers: "\(peers)"
        case .tablesLocalAddresses: "\(localAddresses)"
        case .tablesRemoteAddresses: "\(remoteAddresses)"
        case .tablesPods: "\(pods)"
        case .tablesProtectedPrefixes: "\(protectedPrefixes)"
        case .tablesEventRing: "\(eventRingBytes)"
        default: nil
        }
    }
}

extension PodshieldConfiguration.Authority {
    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch key {
        case .authorityName: name
        case .authorityListen: "\(listenAddress)"
        case .authorityPort: "\(port)"
        case .authorityAdvertise: "\(advertised)"
        case .authorityAutoRegister: autoRegister.rawValue
        case .authorityKeyCredential: keyStore.credential
        case .authorityIdentityTemplate: identityTemplate
        case .authorityCALifetime: "\(caLifetime)"
        case .authorityWorkloadLifetime: "\(workloadLifetime)"
        case .authorityNodeLifetime: "\(nodeLifetime)"
        case .authorityJWTLifetime: "\(jwtLifetime)"
        case .authorityJWTIssuer: jwtIssuer?.url
        case .federationRelationships: relationships.map(\.text).joined(separator: ", ")
        default:
            machineCertificates?.text(key) ?? tpms?.text(key) ?? etcd?.text(key) ?? cluster?.text(key) ?? upstream?
                .text(key)
                ?? downstream?.text(key) ?? bundleEndpoint?.text(key) ?? keyStore.text(key)
        }
    }
}

extension PodshieldConfiguration.Etcd {
    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch key {
        case .etcdMembers: members.map(\.description).joined(separator: ", ")
        case .etcdCAFile: caFile
        case .etcdCertificateFile: certificateFile
        case .etcdKeyFile: keyFile
        case .etcdPrefix: prefix
        default: nil
        }
    }
}

extension PodshieldConfiguration.MachineCertificates {
    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch key {
        case .x509popCAFile: caFile
        case .x509popNodeName: name.rawValue
        case .x509popAllowNewKey: "\(allowNewKey)"
        default: nil
        }
    }
}

extension PodshieldConfiguration.TPMs {
    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch key {
        case .tpmKeysFile: keysFile
        case .tpmCAFile: caFile
        case .tpmRegisters: "\(registers.sorted { $0.key < $1.key })"
        default: nil
        }
    }
}

extension PodshieldConfiguration.Upstream {
    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch self {
        case .disk(let upstream): upstream.text(key)
        case .vaultPKI(let upstream): upstream.text(key)
        case .spire(let upstream): upstream.text(key)
        }
    }
}

extension PodshieldConfiguration.SPIREUpstream {
    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch key {
        case .upstreamSPIREServer: "\(server)"
        case .upstreamSPIREWorkloadSocket: workloadSocket
        case .upstreamSPIREHint: hint
        case .upstreamSPIREJWTKeys: "\(publishesKeys)"
        default: nil
        }
    }
}

extension PodshieldConfiguration.Downstream {
    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch key {
        case .downstreamAddress: "\(address)"
        case .downstreamPort: "\(port)"
        case .downstreamCALifetime: "\(caLifetime)"
        case .downstreamJWTKeys: "\(takesKeys)"
        default: nil
        }
    }
}

extension PodshieldConfiguration.VaultPKI {
    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch key {
        case .upstreamVaultPKIMount: mount
        case .upstreamVaultPKIIssuer: issuer
        default: access.text(key, .upstream)
        }
    }
}

extension PodshieldConfiguration.VaultAccess {
    fileprivate func text(_ key: ConfigurationKey, _ keys: VaultKeys) -> String? {
        switch key {
        case keys.server: "\(server)"
        case keys.caFile: caFile
        case keys.namespace: namespace
        case keys.tokenFile, keys.tokenCredential, keys.roleID, keys.roleMount, keys.secretIDFile,
            keys.secretIDCredential:
            "\(login)"
        default: nil
        }
    }
}

extension PodshieldConfiguration.DiskUpstream {
    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch key {
        case .upstreamDiskCertificateFile: certificateFile
        case .upstreamDiskKeyFile, .upstreamDiskKeyCredential: self.key.map { "\($0)" }
        default: nil
        }
    }
}

extension PodshieldConfiguration.Cluster {
    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch key {
        case .kubernetesServer: "\(server)"
        case .kubernetesCAFile: caFile
        case .kubernetesTokenFile: tokenFile
        case .kubernetesAudience: audience
        case .kubernetesServiceAccounts: "\(serviceAccounts)"
        default: nil
        }
    }
}

extension PodshieldConfiguration.KeyStore {
    fileprivate var credential: String? { if case .credential(let name) = self { name } else { nil } }

    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch self {
        case .pkcs11(let store): store.text(key)
        case .vault(let store): store.text(key)
        case .ownFile, .credential: nil
        }
    }
}

extension PodshieldConfiguration.PKCS11 {
    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch key {
        case .pkcs11Module: module
        case .pkcs11Token: token
        case .pkcs11KeyLabel: keyLabel
        case .pkcs11KeyID: keyID.map { "\($0)" }
        case .pkcs11PINFile, .pkcs11PINCredential: "\(pin)"
        case .pkcs11Create: "\(create)"
        default: nil
        }
    }
}

extension PodshieldConfiguration.Vault {
    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch key {
        case .vaultMount: mount
        case .vaultKey: self.key
        case .vaultCreate: "\(create)"
        default: access.text(key, .transit)
        }
    }
}

extension PodshieldConfiguration.Join {
    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch key {
        case .joinAuthority: authorities.map(\.description).joined(separator: ", ")
        case .joinRootFingerprint: rootFingerprints.joined(separator: ", ")
        default: credential?.text(key)
        }
    }
}

extension PodshieldConfiguration.JoinCredential {
    fileprivate func text(_ key: ConfigurationKey) -> String? {
        switch (self, key) {
        case (.token(let source), .joinToken), (.token(let source), .joinTokenFile),
            (.token(let source), .joinTokenCredential):
            "\(source)"
        case (.certificate(let file, _), .joinCertificateFile): file
        case (.clusterToken(let file), .joinClusterTokenFile): file
        case (.tpm(let configuration), .joinTPM): configuration
        case (.certificate(_, let key), .joinKeyFile), (.certificate(_, let key), .joinKeyCredential): "\(key)"
        default: nil
        }
    }
}
