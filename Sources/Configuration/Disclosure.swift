/// How much of a key's value others may see who are to help. Each key has its line here, so that none is forgotten: there is no
/// default.
enum Disclosure {
    /// All of it.
    case open
    /// Where it is a path, as it should be: what stands in the file may have been written here by mistake.
    case path
    /// Brokers that are as they should be.
    case brokers
    /// Nothing. Those of credentials should be names, yet may be the secret itself by mistake.
    case secret
}

extension ConfigurationKey {
    var disclosure: Disclosure {
        switch self {
        case .role, .trustDomain, .instance, .logLevel, .protected, .permissive, .uplinks, .nodeName, .nodeAddress,
            .nodeLinkPort, .nodeESPPort, .nodeKeyType, .nodeContainerRuntime, .authorityName, .authorityListen,
            .authorityPort, .authorityAdvertise, .authorityAutoRegister, .authorityIdentityTemplate,
            .authorityCALifetime, .authorityWorkloadLifetime, .authorityNodeLifetime, .authorityJWTLifetime,
            .authorityJWTIssuer, .pkcs11Module, .pkcs11Token, .pkcs11KeyLabel, .pkcs11KeyID, .pkcs11Create,
            .vaultServer, .vaultNamespace, .vaultMount, .vaultKey, .vaultCreate, .vaultRoleMount,
            .upstreamVaultPKIServer, .upstreamVaultPKINamespace, .upstreamVaultPKIMount, .upstreamVaultPKIIssuer,
            .upstreamVaultPKIRoleMount, .upstreamSPIREServer, .upstreamSPIREWorkloadSocket, .upstreamSPIREHint,
            .upstreamSPIREJWTKeys, .downstreamAddress, .downstreamPort, .downstreamCALifetime, .downstreamJWTKeys,
            .etcdMembers, .etcdPrefix, .x509popNodeName, .x509popAllowNewKey, .tpmRegisters, .kubernetesServer,
            .kubernetesAudience, .kubernetesServiceAccounts, .bundleEndpointAddress, .bundleEndpointPort,
            .bundleEndpointProfile, .bundleEndpointRefreshHint, .federationRelationships, .joinAuthority,
            .joinRootFingerprint, .joinTPM, .linkEpochLifetime, .linkRekeyPackets, .linkRekeyBytes, .linkPreconnect,
            .sdsRequireHeader, .sdsRevocationLists, .brokerSocket, .brokerListen, .datapathAttachment,
            .datapathMarkMask, .datapathEventsPerSecond, .tablesSecurityAssociations, .tablesPeers,
            .tablesLocalAddresses, .tablesRemoteAddresses, .tablesPods, .tablesProtectedPrefixes, .tablesEventRing,
            .netnsHelperSocket, .netnsHelperExecutable, .pathsState, .pathsRun, .pathsBPFFS, .pathsBPFObject:
            .open
        case .nodeStateKeyFile, .pkcs11PINFile, .vaultCAFile, .vaultTokenFile, .vaultSecretIDFile,
            .upstreamDiskCertificateFile, .upstreamDiskKeyFile, .upstreamVaultPKICAFile, .upstreamVaultPKITokenFile,
            .upstreamVaultPKISecretIDFile, .etcdCAFile, .etcdCertificateFile, .etcdKeyFile, .x509popCAFile,
            .tpmKeysFile, .tpmCAFile, .kubernetesCAFile, .kubernetesTokenFile, .bundleEndpointCertificateFile,
            .bundleEndpointKeyFile, .joinTokenFile, .joinCertificateFile, .joinKeyFile, .joinClusterTokenFile:
            .path
        case .brokerBrokers:
            .brokers
        case .nodeStateKeyCredential, .authorityKeyCredential, .pkcs11PINCredential, .vaultTokenCredential,
            .vaultRoleID, .vaultSecretIDCredential, .upstreamDiskKeyCredential, .upstreamVaultPKITokenCredential,
            .upstreamVaultPKIRoleID, .upstreamVaultPKISecretIDCredential, .joinToken, .joinTokenCredential,
            .joinKeyCredential:
            .secret
        }
    }
}
