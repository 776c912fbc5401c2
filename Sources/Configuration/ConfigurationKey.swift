/// Every key that a configuration file may have, by its path in the document.
public enum ConfigurationKey: String, CaseIterable, Sendable {
    case role
    case trustDomain = "trust-domain"
    case instance
    case logLevel = "log-level"
    case protected
    case permissive
    case uplinks

    case nodeName = "node.name"
    case nodeAddress = "node.address"
    case nodeLinkPort = "node.link-port"
    case nodeESPPort = "node.esp-port"
    case nodeKeyType = "node.key-type"
    case nodeContainerRuntime = "node.container-runtime"
    case nodeStateKeyFile = "node.state-key-file"
    case nodeStateKeyCredential = "node.state-key-credential"

    case authorityName = "authority.name"
    case authorityListen = "authority.listen"
    case authorityPort = "authority.port"
    case authorityAdvertise = "authority.advertise"
    case authorityAutoRegister = "authority.auto-register"
    case authorityKeyCredential = "authority.key-credential"
    case authorityIdentityTemplate = "authority.identity-template"
    case authorityCALifetime = "authority.ca-lifetime"
    case authorityWorkloadLifetime = "authority.workload-lifetime"
    case authorityNodeLifetime = "authority.node-lifetime"
    case authorityJWTLifetime = "authority.jwt-lifetime"
    case authorityJWTIssuer = "authority.jwt-issuer"

    case pkcs11Module = "pkcs11.module"
    case pkcs11Token = "pkcs11.token"
    case pkcs11KeyLabel = "pkcs11.key-label"
    case pkcs11KeyID = "pkcs11.key-id"
    case pkcs11PINFile = "pkcs11.pin-file"
    case pkcs11PINCredential = "pkcs11.pin-credential"
    case pkcs11Create = "pkcs11.create"

    case vaultServer = "vault.server"
    case vaultCAFile = "vault.ca-file"
    case vaultNamespace = "vault.namespace"
    case vaultMount = "vault.mount"
    case vaultKey = "vault.key"
    case vaultCreate = "vault.create"
    case vaultTokenFile = "vault.token-file"
    case vaultTokenCredential = "vault.token-credential"
    case vaultRoleID = "vault.role-id"
    case vaultRoleMount = "vault.role-mount"
    case vaultSecretIDFile = "vault.secret-id-file"
    case vaultSecretIDCredential = "vault.secret-id-credential"

    case upstreamDiskCertificateFile = "upstream-disk.certificate-file"
    case upstreamDiskKeyFile = "upstream-disk.key-file"
    case upstreamDiskKeyCredential = "upstream-disk.key-credential"

    case upstreamVaultPKIServer = "upstream-vault-pki.server"
    case upstreamVaultPKICAFile = "upstream-vault-pki.ca-file"
    case upstreamVaultPKINamespace = "upstream-vault-pki.namespace"
    case upstreamVaultPKIMount = "upstream-vault-pki.mount"
    case upstreamVaultPKIIssuer = "upstream-vault-pki.issuer"
    case upstreamVaultPKITokenFile = "upstream-vault-pki.token-file"
    case upstreamVaultPKITokenCredential = "upstream-vault-pki.token-credential"
    case upstreamVaultPKIRoleID = "upstream-vault-pki.role-id"
    case upstreamVaultPKIRoleMount = "upstream-vault-pki.role-mount"
    case upstreamVaultPKISecretIDFile = "upstream-vault-pki.secret-id-file"
    case upstreamVaultPKISecretIDCredential = "upstream-vault-pki.secret-id-credential"

    case upstreamSPIREServer = "upstream-spire.server"
    case upstreamSPIREWorkloadSocket = "upstream-spire.workload-socket"
    case upstreamSPIREHint = "upstream-spire.hint"
    case upstreamSPIREJWTKeys = "upstream-spire.jwt-keys"

    case downstreamAddress = "downstream.address"
    case downstreamPort = "downstream.port"
    case downstreamCALifetime = "downstream.ca-lifetime"
    case downstreamJWTKeys = "downstream.jwt-keys"

    case etcdMembers = "etcd.members"
    case etcdCAFile = "etcd.ca-file"
    case etcdCertificateFile = "etcd.certificate-file"
    case etcdKeyFile = "etcd.key-file"
    case etcdPrefix = "etcd.prefix"

    case x509popCAFile = "x509pop.ca-file"
    case x509popNodeName = "x509pop.node-name"
    case x509popAllowNewKey = "x509pop.allow-new-key"

    case tpmKeysFile = "tpm.keys-file"
    case tpmCAFile = "tpm.ca-file"
    case tpmRegisters = "tpm.pcrs"

    case kubernetesServer = "kubernetes.server"
    case kubernetesCAFile = "kubernetes.ca-file"
    case kubernetesTokenFile = "kubernetes.token-file"
    case kubernetesAudience = "kubernetes.audience"
    case kubernetesServiceAccounts = "kubernetes.service-accounts"

    case bundleEndpointAddress = "bundle-endpoint.address"
    case bundleEndpointPort = "bundle-endpoint.port"
    case bundleEndpointProfile = "bundle-endpoint.profile"
    case bundleEndpointCertificateFile = "bundle-endpoint.certificate-file"
    case bundleEndpointKeyFile = "bundle-endpoint.key-file"
    case bundleEndpointRefreshHint = "bundle-endpoint.refresh-hint"

    case federationRelationships = "federation.relationships"

    case joinAuthority = "join.authority"
    case joinRootFingerprint = "join.root-fingerprint"
    case joinToken = "join.token"
    case joinTokenFile = "join.token-file"
    case joinTokenCredential = "join.token-credential"
    case joinCertificateFile = "join.certificate-file"
    case joinKeyFile = "join.key-file"
    case joinKeyCredential = "join.key-credential"
    case joinClusterTokenFile = "join.cluster-token-file"
    case joinTPM = "join.tpm"

    case linkEpochLifetime = "link.epoch-lifetime"
    case linkRekeyPackets = "link.rekey-packets"
    case linkRekeyBytes = "link.rekey-bytes"
    case linkPreconnect = "link.preconnect"

    case sdsRequireHeader = "sds.require-header"
    case sdsRevocationLists = "sds.revocation-lists"

    case brokerSocket = "broker.socket"
    case brokerListen = "broker.listen"
    case brokerBrokers = "broker.brokers"

    case datapathAttachment = "datapath.attachment"
    case datapathMarkMask = "datapath.mark-mask"
    case datapathEventsPerSecond = "datapath.events-per-second"

    case tablesSecurityAssociations = "tables.security-associations"
    case tablesPeers = "tables.peers"
    case tablesLocalAddresses = "tables.local-addresses"
    case tablesRemoteAddresses = "tables.remote-addresses"
    case tablesPods = "tables.pods"
    case tablesProtectedPrefixes = "tables.protected-prefixes"
    case tablesEventRing = "tables.event-ring"

    case netnsHelperSocket = "netns-helper.socket"
    case netnsHelperExecutable = "netns-helper.executable"

    case pathsState = "paths.state"
    case pathsRun = "paths.run"
    case pathsBPFFS = "paths.bpffs"
    case pathsBPFObject = "paths.bpf-object"
}

extension ConfigurationKey {
    /// The key of the mapping that it stands in; nil at the top.
    public var section: String? {
        rawValue.firstIndex(of: ".").map { String(rawValue[..<$0]) }
    }

    /// Its own word.
    public var name: String {
        rawValue.firstIndex(of: ".").map { String(rawValue[rawValue.index(after: $0)...]) } ?? rawValue
    }

    static let sections = Set(allCases.compactMap(\.section))

    /// The words that may stand in a mapping.
    static func names(in section: String?) -> [String] {
        let leaves = allCases.filter { $0.section == section }.map(\.name)
        return section == nil ? leaves + sections.sorted() : leaves
    }
}
