import Configuration
import Testing

@Suite struct ChangeTests {
    /// A line that changes exactly the key that it is for, and at most what follows from it.
    private static let changes: [ConfigurationKey: (old: String, new: String)] = [
        .trustDomain: ("example.org", "example.com"), .protected: ("10.42.0.0/16", "10.43.0.0/16"),
        .nodeName: ("node-a", "node-b"), .logLevel: ("", "log-level: debug\n"),
        .permissive: ("", "permissive: true\n"), .uplinks: ("", "uplinks: [eth0]\n"),
        .nodeLinkPort: ("", "  link-port: 1\n"), .nodeESPPort: ("", "  esp-port: 1\n"),
        .nodeKeyType: ("", "  key-type: ed25519\n"),
        .nodeContainerRuntime: ("", "  container-runtime: /r\n"),
        .nodeStateKeyFile: ("", "  state-key-file: /k\n"),
        .nodeStateKeyCredential: ("", "  state-key-credential: state-key\n"),
        .authorityName: ("", "authority: {name: b}\n"), .authorityListen: ("", "authority: {listen: 192.0.2.9}\n"),
        .authorityPort: ("", "authority: {port: 9}\n"),
        .authorityAdvertise: ("", "authority: {advertise: \"a:9\"}\n"),
        .authorityAutoRegister: ("", "authority: {auto-register: own-node}\n"),
        .authorityKeyCredential: ("", "authority: {key-credential: ca-key}\n"),
        .authorityIdentityTemplate: ("", "authority: {identity-template: \"/a/{pod-name}\"}\n"),
        .authorityCALifetime: ("", "authority: {ca-lifetime: 30d}\n"),
        .authorityWorkloadLifetime: ("", "authority: {workload-lifetime: 2h}\n"),
        .authorityNodeLifetime: ("", "authority: {node-lifetime: 2h}\n"),
        .authorityJWTLifetime: ("", "authority: {jwt-lifetime: 1h}\n"),
        .authorityJWTIssuer: ("", "authority: {jwt-issuer: \"https://a\"}\n"),
        .linkEpochLifetime: ("", "link: {epoch-lifetime: 2h}\n"), .linkPreconnect: ("", "link: {preconnect: false}\n"),
        .linkRekeyPackets: ("", "link: {rekey-packets: 10000}\n"),
        .linkRekeyBytes: ("", "link: {rekey-bytes: 1048576}\n"),
        .sdsRequireHeader: ("", "sds: {require-header: true}\n"),
        .sdsRevocationLists: ("", "sds: {revocation-lists: false}\n"),
        .datapathAttachment: ("", "datapath: {attachment: tcx}\n"),
        .datapathMarkMask: ("", "datapath: {mark-mask: 0x3}\n"),
        .datapathEventsPerSecond: ("", "datapath: {events-per-second: 1}\n"),
        .tablesSecurityAssociations: ("", "tables: {security-associations: 2}\n"),
        .tablesPeers: ("", "tables: {peers: 2}\n"), .tablesLocalAddresses: ("", "tables: {local-addresses: 2}\n"),
        .tablesRemoteAddresses: ("", "tables: {remote-addresses: 2}\n"), .tablesPods: ("", "tables: {pods: 2}\n"),
        .tablesProtectedPrefixes: ("", "tables: {protected-prefixes: 2}\n"),
        .tablesEventRing: ("", "tables: {event-ring: 65536}\n"), .pathsState: ("", "paths: {state: /s}\n"),
        .pathsRun: ("", "paths: {run: /s}\n"), .pathsBPFFS: ("", "paths: {bpffs: /s}\n"),
        .pathsBPFObject: ("", "paths: {bpf-object: /s}\n"),
        .netnsHelperExecutable: ("", "netns-helper: {executable: /s}\n"),
        .netnsHelperSocket: ("", "netns-helper: {socket: /s}\n"), .nodeAddress: ("192.0.2.11", "192.0.2.12"),
        .instance: ("", "instance: b\n"),
    ]
    /// What else differs when a key does.
    private static let consequences: [ConfigurationKey: Set<ConfigurationKey>] = [
        .authorityListen: [.authorityAdvertise], .authorityPort: [.authorityAdvertise],
        .nodeAddress: [.authorityListen, .authorityAdvertise], .instance: [.pathsState, .pathsRun],
        .nodeStateKeyFile: [.nodeStateKeyCredential], .nodeStateKeyCredential: [.nodeStateKeyFile],
        .netnsHelperExecutable: [.netnsHelperSocket], .netnsHelperSocket: [.netnsHelperExecutable],
    ]

    @Test(
        arguments: ConfigurationKey.allCases.filter {
            $0 != .role
                && ![
                    "join", "pkcs11", "vault", "x509pop", "tpm", "kubernetes", "upstream-disk",
                    "upstream-vault-pki", "upstream-spire", "downstream", "bundle-endpoint", "federation", "broker",
                    "etcd",
                ].contains($0.section)
        })
    func everyKeyCounts(_ key: ConfigurationKey) throws {
        let (old, new) = try #require(Self.changes[key])
        let before = try PodshieldConfiguration(yaml: Documents.standalone, file: "f")
        let text = old.isEmpty ? Documents.standalone + new : Documents.standalone.replacing(old, with: new)
        let after = try PodshieldConfiguration(yaml: text, file: "f")
        #expect(Set(before.changes(to: after)) == Self.consequences[key, default: []].union([key]))
        #expect(before.changes(to: before) == [])
    }

    @Test(arguments: [
        ("192.0.2.11:7601", "192.0.2.11:7", [ConfigurationKey.joinAuthority]),
        ("0123456789abcdef\n", "0123456789abcdee\n", [.joinRootFingerprint]),
        ("cdef\n", "cdef\n  token: a\n", [.joinToken, .joinTokenFile, .joinTokenCredential]),
        (
            "cdef\n", "cdef\n  certificate-file: /c\n  key-file: /k\n",
            [.joinCertificateFile, .joinKeyFile, .joinKeyCredential]
        ),
        ("cdef\n", "cdef\n  cluster-token-file: /t\n", [.joinClusterTokenFile]),
        ("cdef\n", "cdef\n  tpm: device:/dev/tpmrm0\n", [.joinTPM]),
    ])
    func joining(_ old: String, _ new: String, _ expected: [ConfigurationKey]) throws {
        let before = try PodshieldConfiguration(yaml: Documents.node, file: "f")
        let after = try PodshieldConfiguration(yaml: Documents.node.replacing(old, with: new), file: "f")
        #expect(before.changes(to: after) == expected)
    }

    @Test(arguments: [
        ("module: /m", "module: /n", [ConfigurationKey.pkcs11Module]), ("token: t", "token: u", [.pkcs11Token]),
        ("key-label: ca", "key-label: cb", [.pkcs11KeyLabel]), ("key-id: 01", "key-id: 02", [.pkcs11KeyID]),
        ("pin-file: /p", "pin-credential: p", [.pkcs11PINFile, .pkcs11PINCredential]),
        ("create: false", "create: true", [.pkcs11Create]),
    ])
    func keysInTokens(_ old: String, _ new: String, _ expected: [ConfigurationKey]) throws {
        let before = try PodshieldConfiguration(yaml: Documents.token, file: "f")
        let after = try PodshieldConfiguration(yaml: Documents.token.replacing(old, with: new), file: "f")
        #expect(before.changes(to: after) == expected)
    }

    @Test(arguments: [
        ("ca-file: /c", "ca-file: /d", [ConfigurationKey.x509popCAFile]),
        ("ca-file: /c", "ca-file: /c\n  node-name: dns-name", [.x509popNodeName]),
        ("ca-file: /c", "ca-file: /c\n  allow-new-key: true", [.x509popAllowNewKey]),
    ])
    func machinesCertificates(_ old: String, _ new: String, _ expected: [ConfigurationKey]) throws {
        let before = try PodshieldConfiguration(yaml: Documents.certificates, file: "f")
        let after = try PodshieldConfiguration(yaml: Documents.certificates.replacing(old, with: new), file: "f")
        #expect(before.changes(to: after) == expected)
    }

    @Test(arguments: [
        ("keys-file: /c", "keys-file: /d", [ConfigurationKey.tpmKeysFile]),
        ("keys-file: /c", "keys-file: /c\n  ca-file: /d", [.tpmCAFile]),
        ("keys-file: /c", "keys-file: /c\n  pcrs: [\"7:\(Documents.fingerprint)\"]", [.tpmRegisters]),
    ])
    func tpms(_ old: String, _ new: String, _ expected: [ConfigurationKey]) throws {
        let before = try PodshieldConfiguration(yaml: Documents.tpms, file: "f")
        let after = try PodshieldConfiguration(yaml: Documents.tpms.replacing(old, with: new), file: "f")
        #expect(before.changes(to: after) == expected)
    }

    @Test(arguments: [
        ("e:2379", "[e:2379, f:2379]", [ConfigurationKey.etcdMembers]), ("/c", "/d", [.etcdCAFile]),
        ("/e.pem", "/f.pem", [.etcdCertificateFile]), ("/e.key", "/f.key", [.etcdKeyFile]),
        ("key\n", "key\n  prefix: p/q\n", [.etcdPrefix]),
    ])
    func sharedRegistries(_ old: String, _ new: String, _ expected: [ConfigurationKey]) throws {
        let before = try PodshieldConfiguration(yaml: Documents.etcd, file: "f")
        let after = try PodshieldConfiguration(yaml: Documents.etcd.replacing(old, with: new), file: "f")
        #expect(before.changes(to: after) == expected)
    }

    @Test(arguments: [
        ("k:6443", "k:1", [ConfigurationKey.kubernetesServer]), ("/c", "/d", [.kubernetesCAFile]),
        ("/t", "/u", [.kubernetesTokenFile]), ("/t", "/t\n  audience: a", [.kubernetesAudience]),
        ("shield:node", "shield:other", [.kubernetesServiceAccounts]),
    ])
    func clusters(_ old: String, _ new: String, _ expected: [ConfigurationKey]) throws {
        let before = try PodshieldConfiguration(yaml: Documents.cluster, file: "f")
        let after = try PodshieldConfiguration(yaml: Documents.cluster.replacing(old, with: new), file: "f")
        #expect(before.changes(to: after) == expected)
    }

    @Test(arguments: [
        ("-file: /c", "-file: /d", [ConfigurationKey.upstreamDiskCertificateFile]),
        ("key-file: /k", "key-credential: k", [.upstreamDiskKeyFile, .upstreamDiskKeyCredential]),
        ("  key-file: /k\n", "", [.upstreamDiskKeyFile, .upstreamDiskKeyCredential]),
    ])
    func upstreams(_ old: String, _ new: String, _ expected: [ConfigurationKey]) throws {
        let before = try PodshieldConfiguration(yaml: Documents.upstream, file: "f")
        let after = try PodshieldConfiguration(yaml: Documents.upstream.replacing(old, with: new), file: "f")
        #expect(before.changes(to: after) == expected)
    }

    private static let login: [ConfigurationKey] = [
        .vaultTokenFile, .vaultTokenCredential, .vaultRoleID, .vaultRoleMount, .vaultSecretIDFile,
        .vaultSecretIDCredential,
    ]

    @Test(arguments: [
        ("server: v:1", "server: v:2", [ConfigurationKey.vaultServer]), ("ca-file: /c", "ca-file: /d", [.vaultCAFile]),
        ("key: k", "key: l", [.vaultKey]), ("key: k", "key: k\n  namespace: n", [.vaultNamespace]),
        ("key: k", "key: k\n  mount: m/n", [.vaultMount]), ("key: k", "key: k\n  create: true", [.vaultCreate]),
        ("token-file: /t", "token-credential: t", login),
        ("token-file: /t", "role-id: r\n  secret-id-file: /s", login),
    ])
    func keysInVault(_ old: String, _ new: String, _ expected: [ConfigurationKey]) throws {
        let before = try PodshieldConfiguration(yaml: Documents.vault, file: "f")
        let after = try PodshieldConfiguration(yaml: Documents.vault.replacing(old, with: new), file: "f")
        #expect(before.changes(to: after) == expected)
    }

    private static let upstreamLogin: [ConfigurationKey] = [
        .upstreamVaultPKITokenFile, .upstreamVaultPKITokenCredential, .upstreamVaultPKIRoleID,
        .upstreamVaultPKIRoleMount, .upstreamVaultPKISecretIDFile, .upstreamVaultPKISecretIDCredential,
    ]

    @Test(arguments: [
        ("server: v:1", "server: v:2", [ConfigurationKey.upstreamVaultPKIServer]),
        ("ca-file: /c", "ca-file: /d", [.upstreamVaultPKICAFile]),
        ("ca-file: /c", "ca-file: /c\n  namespace: n", [.upstreamVaultPKINamespace]),
        ("ca-file: /c", "ca-file: /c\n  mount: m/n", [.upstreamVaultPKIMount]),
        ("ca-file: /c", "ca-file: /c\n  issuer: i", [.upstreamVaultPKIIssuer]),
        ("token-file: /t", "token-credential: t", upstreamLogin),
        ("token-file: /t", "role-id: r\n  secret-id-file: /s", upstreamLogin),
    ])
    func issuersInVault(_ old: String, _ new: String, _ expected: [ConfigurationKey]) throws {
        let before = try PodshieldConfiguration(yaml: Documents.vaultPKI, file: "f")
        let after = try PodshieldConfiguration(yaml: Documents.vaultPKI.replacing(old, with: new), file: "f")
        #expect(before.changes(to: after) == expected)
    }

    @Test(arguments: [
        ("server: s:8081", "server: s:8082", [ConfigurationKey.upstreamSPIREServer]),
        ("socket: /w", "socket: /x", [.upstreamSPIREWorkloadSocket]),
        ("socket: /w", "socket: /w\n  hint: below", [.upstreamSPIREHint]),
        ("socket: /w", "socket: /w\n  jwt-keys: true", [.upstreamSPIREJWTKeys]),
    ])
    func authoritiesAbove(_ old: String, _ new: String, _ expected: [ConfigurationKey]) throws {
        let before = try PodshieldConfiguration(yaml: Documents.spireUpstream, file: "f")
        let after = try PodshieldConfiguration(yaml: Documents.spireUpstream.replacing(old, with: new), file: "f")
        #expect(before.changes(to: after) == expected)
    }

    @Test(arguments: [
        ("192.0.2.8", "192.0.2.7", ConfigurationKey.downstreamAddress),
        ("port: 8\n", "port: 9\n", .downstreamPort), ("ca-lifetime: 1h", "ca-lifetime: 2h", .downstreamCALifetime),
        ("jwt-keys: false", "jwt-keys: true", .downstreamJWTKeys),
    ])
    func authoritiesBelow(_ old: String, _ new: String, _ expected: ConfigurationKey) throws {
        let text =
            Documents.authority + "downstream:\n  address: 192.0.2.8\n  port: 8\n  ca-lifetime: 1h\n  jwt-keys: false\n"
        let before = try PodshieldConfiguration(yaml: text, file: "f")
        let after = try PodshieldConfiguration(yaml: text.replacing(old, with: new), file: "f")
        #expect(before.changes(to: after) == [expected])
    }

    @Test(arguments: [
        ("partner.example,", "other.example,"), ("8443", "8444"), ("/b.json", "/c.json"),
        ("authority/main", "authority/two"),
    ])
    func federation(_ old: String, _ new: String) throws {
        let text = Documents.authority + Documents.federation
        let before = try PodshieldConfiguration(yaml: text, file: "f")
        let after = try PodshieldConfiguration(yaml: text.replacing(old, with: new), file: "f")
        #expect(before.changes(to: after) == [.federationRelationships])
    }

    @Test func theRoleCounts() throws {
        let before = try PodshieldConfiguration(yaml: Documents.standalone, file: "f")
        let after = try PodshieldConfiguration(yaml: Documents.node, file: "f")
        #expect(before.changes(to: after).contains(.role))
    }

    @Test func whatARunningDaemonTakes() {
        #expect(
            ConfigurationKey.allCases.filter(\.isReloadable)
                == [.logLevel, .protected, .permissive, .datapathEventsPerSecond])
    }
}
