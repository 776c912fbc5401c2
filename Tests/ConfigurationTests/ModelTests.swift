import Addressing
import Configuration
import Identity
import JOSE
import Testing

@Suite struct ModelTests {
    @Test func defaultsOfAStandaloneDaemon() throws {
        let configuration = try PodshieldConfiguration(yaml: Documents.standalone, file: "f")
        let node = try #require(configuration.node)
        let authority = try #require(configuration.authority)
        #expect(configuration.role == .standalone(node, authority))
        #expect(configuration.join == nil)
        #expect(configuration.trustDomain.name == "example.org")
        #expect(configuration.instance == "default")
        #expect(configuration.logLevel == .info)
        #expect(configuration.protected == [IPPrefix("10.42.0.0/16"), IPPrefix("fd42::/48")])
        #expect(node.name == "node-a")
        #expect(node.address == IPAddress("192.0.2.11"))
        #expect((node.linkPort, node.espPort) == (7600, 4500) && node.keyType == .ecP256)
        #expect(!node.permissive && node.uplinks == .auto && !node.sdsRequiresHeader)
        #expect(node.sdsHasRevocationLists && node.containerRuntime == nil)
        #expect(node.link.epochLifetime == .seconds(3600) && node.link.preconnect)
        #expect(node.datapath.attachment == .auto && node.datapath.markMask == 0x0c00_0000)
        #expect(node.datapath.eventsPerSecond == 100)
        #expect(node.netnsHelper == .socket(path: "/run/podshield-netns/socket"))
        #expect(authority.name == "authority" && authority.listenAddress == node.address && authority.port == 7601)
        #expect(authority.advertised.description == "192.0.2.11:7601")
        #expect(authority.autoRegister == .none && authority.keyStore == .ownFile)
        #expect(authority.identityTemplate == "/ns/{namespace}/sa/{service-account}")
        #expect(authority.workloadLifetime == .seconds(3600) && authority.nodeLifetime == .seconds(86400))
        #expect(authority.jwtLifetime == .seconds(300) && authority.jwtIssuer == nil)
    }

    @Test func defaultTables() throws {
        let tables = try #require(PodshieldConfiguration(yaml: Documents.standalone, file: "f").node).datapath.tables
        #expect(tables.securityAssociations == 4096 && tables.peers == 1024 && tables.pods == 1024)
        #expect(tables.localAddresses == 4096 && tables.remoteAddresses == 65536)
        #expect(tables.protectedPrefixes == 256 && tables.eventRingBytes == 1 << 20)
    }

    @Test func pathsOfTheDefaultInstance() throws {
        let paths = try PodshieldConfiguration(yaml: Documents.standalone, file: "f").paths
        #expect(paths.state == "/var/lib/podshield" && paths.run == "/run/podshield")
        #expect(paths.bpffs == "/sys/fs/bpf" && paths.bpfObject == "/usr/lib/podshield/podshield.bpf.o")
        #expect(paths.authorityState == "/var/lib/podshield/authority")
        #expect(paths.nodeState == "/var/lib/podshield/node" && paths.podState == "/var/lib/podshield/pods")
        #expect(paths.adminSocket == "/run/podshield/admin.sock")
        #expect(paths.workloadSocket == "/run/podshield/agent/api.sock")
        #expect(paths.locks == ["/run/podshield/lock", "/var/lib/podshield/lock"])
    }

    @Test func otherInstancesShareNoPath() throws {
        let yaml = Documents.standalone + "instance: two\n"
        let paths = try PodshieldConfiguration(yaml: yaml, file: "f").paths
        #expect(paths.state == "/var/lib/podshield-two" && paths.run == "/run/podshield-two")
    }

    @Test func everythingSet() throws {
        let configuration = try PodshieldConfiguration(
            yaml: """
                role: standalone
                trust-domain: td.example
                instance: blue_1
                log-level: debug
                protected: [10.0.0.0/8]
                permissive: true
                uplinks: [eth0, bond0.7]
                node: {name: n, address: "2001:db8::1", link-port: 1, esp-port: 65535, key-type: rsa-2048, container-runtime: /c.sock}
                authority:
                  name: ca
                  listen: "::"
                  port: 7000
                  advertise: "authority.example:7000"
                  key-credential: ca-key
                  auto-register: own-node
                  identity-template: /pods/{pod-name}
                  workload-lifetime: 90s
                  jwt-lifetime: 10s
                  jwt-issuer: https://oidc.example.org
                  node-lifetime: 2d
                link: {epoch-lifetime: 10s, rekey-packets: 10000, rekey-bytes: 1048576, preconnect: false}
                sds: {require-header: true, revocation-lists: false}
                datapath: {attachment: clsact, mark-mask: "0x3", events-per-second: 7}
                tables:
                  security-associations: 2
                  peers: 3
                  local-addresses: 4
                  remote-addresses: 5
                  pods: 6
                  protected-prefixes: 8
                  event-ring: 65536
                netns-helper: {executable: /x/podshield-netns}
                paths: {state: /s/, run: /r, bpffs: /b, bpf-object: /o}
                """, file: "f")
        let node = try #require(configuration.node)
        let authority = try #require(configuration.authority)
        #expect(configuration.instance == "blue_1" && configuration.logLevel == .debug)
        #expect(node.permissive && node.uplinks == .devices(["eth0", "bond0.7"]) && node.sdsRequiresHeader)
        #expect(!node.sdsHasRevocationLists)
        #expect(node.address == IPAddress("2001:db8::1") && node.linkPort == 1 && node.espPort == 65535)
        #expect(node.keyType == .rsa2048 && node.containerRuntime == "/c.sock")
        #expect(node.link.epochLifetime == .seconds(10) && !node.link.preconnect)
        #expect(node.link.rekeyPackets == 10_000 && node.link.rekeyBytes == 1 << 20)
        #expect(node.datapath.attachment == .clsact && node.datapath.markMask == 3)
        #expect(node.datapath.eventsPerSecond == 7)
        let tables = node.datapath.tables
        #expect(
            [tables.securityAssociations, tables.peers, tables.localAddresses, tables.remoteAddresses, tables.pods]
                == [2, 3, 4, 5, 6])
        #expect(tables.protectedPrefixes == 8 && tables.eventRingBytes == 65536)
        #expect(node.netnsHelper == .executable(path: "/x/podshield-netns"))
        #expect(authority.name == "ca" && authority.port == 7000 && authority.advertised.host == "authority.example")
        #expect(authority.keyStore == .credential(name: "ca-key"))
        #expect(authority.autoRegister == .ownNode && authority.identityTemplate == "/pods/{pod-name}")
        #expect(authority.jwtLifetime == .seconds(10) && authority.jwtIssuer?.url == "https://oidc.example.org")
        #expect(authority.workloadLifetime == .seconds(90) && authority.nodeLifetime == .seconds(172_800))
        let paths = configuration.paths
        #expect([paths.state, paths.run, paths.bpffs, paths.bpfObject] == ["/s", "/r", "/b", "/o"])
    }

    @Test func keyInAToken() throws {
        let authority = try #require(PodshieldConfiguration(yaml: Documents.token, file: "f").authority)
        guard case .pkcs11(let store) = authority.keyStore else {
            Issue.record("\(authority.keyStore)")
            return
        }
        #expect(store.module == "/m" && store.token == "t" && store.keyLabel == "ca" && store.keyID == [1])
        #expect(store.pin == .file(path: "/p") && !store.create)
    }

    @Test func roleAuthority() throws {
        let configuration = try PodshieldConfiguration(yaml: Documents.authority, file: "f")
        #expect(configuration.node == nil && configuration.join == nil)
        #expect(configuration.authority?.advertised.description == "192.0.2.1:7601")
    }

    @Test(arguments: [
        ("", nil), ("  token: abc\n", PodshieldConfiguration.TokenSource.text("abc")),
        ("  token-file: /t\n", .file(path: "/t")), ("  token-credential: join\n", .credential(name: "join")),
    ])
    func roleNode(_ token: String, _ expected: PodshieldConfiguration.TokenSource?) throws {
        let configuration = try PodshieldConfiguration(yaml: Documents.node + token, file: "f")
        #expect(configuration.authority == nil && configuration.node?.name == "node-b")
        let join = try #require(configuration.join)
        #expect(
            join.authorities.map(\.description) == ["192.0.2.11:7601"]
                && join.rootFingerprints == [Documents.fingerprint])
        #expect(join.credential == expected.map { .token($0) })
        #expect(!join.isRepeatable)
    }

    @Test(arguments: [
        ("key-file: /k", PodshieldConfiguration.SecretSource.file(path: "/k")),
        ("key-credential: k", .credential(name: "k")),
    ])
    func aNodeWithACertificate(_ key: String, _ expected: PodshieldConfiguration.SecretSource) throws {
        let yaml = Documents.node + "  certificate-file: /c\n  \(key)\n"
        let join = try #require(PodshieldConfiguration(yaml: yaml, file: "f").join)
        #expect(join.credential == .certificate(file: "/c", key: expected))
        #expect(join.isRepeatable)
    }

    @Test func aNodeWithAClustersToken() throws {
        let yaml = Documents.node + "  cluster-token-file: /t\n"
        let join = try #require(PodshieldConfiguration(yaml: yaml, file: "f").join)
        #expect(join.credential == .clusterToken(file: "/t") && join.isRepeatable)
    }

    @Test func aNodeWithATPM() throws {
        for (text, device) in [("device:/dev/tpmrm0", "/dev/tpmrm0"), ("swtpm:host=127.0.0.1,port=2321", nil)] {
            let yaml = Documents.node + "  tpm: \(text)\n"
            let join = try #require(PodshieldConfiguration(yaml: yaml, file: "f").join)
            #expect(join.credential == .tpm(text) && join.isRepeatable && join.credential?.tpmDevice == device)
        }
    }

    @Test func tpms() throws {
        #expect(try PodshieldConfiguration(yaml: Documents.authority, file: "f").authority?.tpms == nil)
        let some = try #require(PodshieldConfiguration(yaml: Documents.tpms, file: "f").authority?.tpms)
        #expect(some == .init(keysFile: "/c", caFile: nil, registers: [:]))
        let yaml = Documents.authority + "tpm: {ca-file: /d, pcrs: [\"0:\(Documents.fingerprint)\"]}\n"
        let others = try #require(PodshieldConfiguration(yaml: yaml, file: "f").authority?.tpms)
        #expect(others.keysFile == nil && others.caFile == "/d" && others.registers[0]?.prefix(2) == [0x01, 0x23])
    }

    @Test func clusters() throws {
        #expect(try PodshieldConfiguration(yaml: Documents.authority, file: "f").authority?.cluster == nil)
        let authority = try #require(PodshieldConfiguration(yaml: Documents.cluster, file: "f").authority)
        let cluster = try #require(authority.cluster)
        #expect(cluster.server.description == "k:6443" && cluster.caFile == "/c" && cluster.tokenFile == "/t")
        #expect(cluster.audience == "podshield" && cluster.serviceAccounts == ["podshield:node"])
    }

    @Test func upstreams() throws {
        #expect(try PodshieldConfiguration(yaml: Documents.authority, file: "f").authority?.upstream == nil)
        let authority = try #require(PodshieldConfiguration(yaml: Documents.upstream, file: "f").authority)
        #expect(authority.upstream == .disk(.init(certificateFile: "/c", key: .file(path: "/k"))))
        #expect(authority.keyStore == .ownFile)
    }

    @Test func anotherAuthorityAboveOrBelow() throws {
        let above = try #require(PodshieldConfiguration(yaml: Documents.spireUpstream, file: "f").authority?.upstream)
        guard case .spire(let spire) = above else { throw Missing() }
        #expect("\(spire.server)" == "s:8081" && spire.workloadSocket == "/w" && spire.hint == nil)
        #expect(!spire.publishesKeys)
        #expect(try PodshieldConfiguration(yaml: Documents.authority, file: "f").authority?.downstream == nil)
        let authority = try #require(
            PodshieldConfiguration(yaml: Documents.authority + "downstream: {ca-lifetime: 2d}\n", file: "f").authority)
        let downstream = try #require(authority.downstream)
        #expect(downstream.address == authority.listenAddress && downstream.port == 8081)
        #expect(downstream.caLifetime == .seconds(2 * 86400) && !downstream.takesKeys)
    }

    @Test func anIssuerInVaultAbove() throws {
        let authority = try #require(PodshieldConfiguration(yaml: Documents.vaultPKI, file: "f").authority)
        guard case .vaultPKI(let vault) = authority.upstream else { throw Missing() }
        #expect("\(vault.access.server)" == "v:1" && vault.access.caFile == "/c" && vault.access.namespace == nil)
        #expect(vault.access.login == .token(.file(path: "/t")) && vault.mount == "pki" && vault.issuer == nil)
        #expect(authority.keyStore == .ownFile)
        // The key in the transit engine of one Vault, the authority above in another.
        let both = try PodshieldConfiguration(
            yaml: Documents.vaultPKI
                + "  issuer: i\n  mount: a/pki\nvault: {server: w:1, ca-file: /d, key: k, role-id: r, secret-id-file: /s}\n",
            file: "f"
        ).authority
        guard case .vaultPKI(let upstream) = both?.upstream, case .vault(let store) = both?.keyStore else {
            throw Missing()
        }
        #expect(upstream.issuer == "i" && upstream.mount == "a/pki" && "\(store.access.server)" == "w:1")
    }

    /// Where each CA that follows is signed on request, it lasts no longer than what it issues needs.
    @Test(arguments: [
        (Documents.authority, "", 365 * 24), (Documents.upstream, "", 365 * 24), (Documents.vaultPKI, "", 6 * 24),
        (Documents.spireUpstream, "", 6 * 24), (Documents.vaultPKI, "  node-lifetime: 4h\n", 24),
        (Documents.vaultPKI, "  node-lifetime: 1h\n", 24), (Documents.spireUpstream, "  node-lifetime: 2d\n", 12 * 24),
        (Documents.spireUpstream, "  workload-lifetime: 3d\n", 18 * 24),
        (Documents.spireUpstream, "  ca-lifetime: 30d\n", 30 * 24),
    ])
    func lifetimesOfCAs(_ document: String, _ said: String, _ hours: Int) throws {
        let listen = "listen: 192.0.2.1\n"
        let yaml = document.replacing(listen, with: listen + said)
        let authority = try #require(PodshieldConfiguration(yaml: yaml, file: "f").authority)
        #expect(authority.caLifetime == .seconds(hours * 3600))
    }

    private struct Missing: Error {}

    @Test func machinesCertificates() throws {
        #expect(try PodshieldConfiguration(yaml: Documents.authority, file: "f").authority?.machineCertificates == nil)
        let settings = try PodshieldConfiguration(yaml: Documents.certificates, file: "f").authority?
            .machineCertificates
        #expect(settings == .init(caFile: "/c", name: .commonName, allowNewKey: false))
    }

    @Test func fingerprintsMayHaveColonsAndCapitals() throws {
        let colons = Array(Documents.fingerprint.uppercased()).chunks(of: 2).joined(separator: ":")
        let yaml = Documents.node.replacing(Documents.fingerprint, with: "\"\(colons)\"")
        #expect(
            try PodshieldConfiguration(yaml: yaml, file: "f").join?.rootFingerprints == [Documents.fingerprint])
    }

    @Test func tokensArePrintedNowhere() throws {
        let configuration = try PodshieldConfiguration(yaml: Documents.node + "  token: s3cret\n", file: "f")
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!dumped.contains("s3cret") && !"\(configuration)".contains("s3cret"))
        #expect(!String(reflecting: configuration).contains("s3cret"))
    }
}

extension [Character] {
    fileprivate func chunks(of size: Int) -> [String] {
        stride(from: 0, to: count, by: size).map { String(self[$0..<Swift.min($0 + size, count)]) }
    }
}
