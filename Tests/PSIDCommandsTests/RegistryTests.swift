import AdminAPI
import Configuration
import PSIDCommands
import Testing

@Suite struct RegistryTests {
    private static func daemon() -> FakeDaemon {
        FakeDaemon {
            $0.statuses = [Messages.status]
            $0.entryCreate.entry = Messages.entry
            $0.entryList.entries = [Messages.entry]
            $0.entryDelete.entry = Messages.entry
        }
    }

    private func create(_ arguments: String...) async throws -> Podshield_Admin_V1_Entry? {
        let daemon = Self.daemon()
        let outcome = try await psid(
            ["entry", "create", "--spiffe-id", "spiffe://example.org/x"] + arguments, to: daemon)
        #expect(outcome.status == .success, "\(outcome.messages)")
        return daemon.request(Podshield_Admin_V1_EntryCreateRequest.self)?.entry
    }

    @Test func creating() async throws {
        let daemon = Self.daemon()
        let outcome = try await psid(
            "entry", "create", "--spiffe-id", "spiffe://example.org/ns/shop/sa/web", "--node", "node-a", "--label",
            "app=web", to: daemon)
        #expect(
            outcome.output == """
                entry          e1
                SPIFFE ID      spiffe://example.org/ns/shop/sa/web
                node           spiffe://example.org/podshield/node/node-a
                selectors      k8s:ns:shop, k8s:pod-label:app:web
                policy labels  tier=front
                DNS names      web.example.org
                SVID lifetime  600 s

                """)
        let entry = try #require(daemon.request(Podshield_Admin_V1_EntryCreateRequest.self)).entry
        #expect(entry.spiffeID == "spiffe://example.org/ns/shop/sa/web")
        #expect(entry.parentID == "spiffe://example.org/podshield/node/node-a")
        #expect(entry.selectors == ["k8s:pod-label:app:web"] && entry.labels == [:] && entry.svidTtl == 0)
    }

    @Test func allThatAnEntryCanSay() async throws {
        let entry = try await create(
            "--selector", "k8s:sa:x", "--namespace", "shop", "--service-account", "web", "--pod", "web-0", "--label",
            "app=web", "--label", "a=b", "--policy-label", "tier=front", "--dns", "a.b", "--dns", "c.d", "--ttl", "90",
            "--node", "spiffe://example.org/podshield/node/z")
        #expect(
            entry?.selectors == [
                "k8s:sa:x", "k8s:ns:shop", "k8s:sa:web", "k8s:pod-name:web-0", "k8s:pod-label:app:web",
                "k8s:pod-label:a:b",
            ])
        #expect(entry?.labels == ["tier": "front"] && entry?.dnsNames == ["a.b", "c.d"] && entry?.svidTtl == 90)
        #expect(entry?.parentID == "spiffe://example.org/podshield/node/z")
    }

    @Test func anyNode() async throws {
        #expect(try await create("--label", "app=web")?.parentID == "")
    }

    @Test func createdAsJSON() async throws {
        let outcome = try await psid(
            "entry", "create", "--spiffe-id", "spiffe://example.org/x", "--pod", "p", "-o", "json", to: Self.daemon())
        #expect(
            outcome.output == """
                {
                  "createdAt" : "2025-11-25T19:16:17Z",
                  "dnsNames" : [
                    "web.example.org"
                  ],
                  "id" : "e1",
                  "labels" : {
                    "tier" : "front"
                  },
                  "parentID" : "spiffe://example.org/podshield/node/node-a",
                  "schema" : 1,
                  "selectors" : [
                    "k8s:ns:shop",
                    "k8s:pod-label:app:web"
                  ],
                  "spiffeID" : "spiffe://example.org/ns/shop/sa/web",
                  "svidTTL" : 600
                }

                """)
    }

    @Test func listing() async throws {
        let daemon = Self.daemon()
        let outcome = try await psid(
            "entry", "list", "--spiffe-id", "spiffe://example.org/x", "--node", "n", to: daemon)
        #expect(
            outcome.output == """
                ID  SPIFFE ID                            NODE                                        SELECTORS
                e1  spiffe://example.org/ns/shop/sa/web  spiffe://example.org/podshield/node/node-a  k8s:ns:shop,k8s:pod-label:app:web

                """)
        let request = try #require(daemon.request(Podshield_Admin_V1_EntryListRequest.self))
        #expect(request.spiffeID == "spiffe://example.org/x")
        #expect(request.parentID == "spiffe://example.org/podshield/node/n")
    }

    @Test func deleting() async throws {
        let daemon = Self.daemon()
        let outcome = try await psid("entry", "delete", "e1", to: daemon)
        #expect(outcome.output == "entry e1 of spiffe://example.org/ns/shop/sa/web is deleted\n")
        #expect(daemon.request(Podshield_Admin_V1_EntryDeleteRequest.self)?.id == "e1")
    }

    @Test func anEntryByItsID() async throws {
        for arguments in [["e1"], ["--entry-id", "e1"], ["-entryID", "e1"]] {
            let daemon = Self.daemon()
            let shown = try await psid(["entry", "show"] + arguments, to: daemon)
            #expect(shown.output.hasPrefix("entry          e1\n"))
            #expect(daemon.request(Podshield_Admin_V1_EntryListRequest.self)?.id == "e1")
            #expect(try await psid(["entry", "delete"] + arguments, to: daemon).status == .success)
        }
        #expect(try await psid("entry", "delete", to: Self.daemon()).status == .usage)
        #expect(try await psid("entry", "show", "e1", "-entryID", "e1", to: Self.daemon()).status == .usage)
        #expect(try await psid("entry", "count", to: Self.daemon()).output == "1\n")
    }

    @Test func updating() async throws {
        let daemon = FakeDaemon {
            $0.statuses = [Messages.status]
            $0.entryUpdate.entry = Messages.entry
        }
        let outcome = try await psid(
            "entry", "update", "e1", "--spiffe-id", "spiffe://example.org/x", "--pod", "p", to: daemon)
        #expect(outcome.output.hasPrefix("entry          e1\n"))
        let entry = try #require(daemon.request(Podshield_Admin_V1_EntryUpdateRequest.self)).entry
        #expect(entry.id == "e1" && entry.spiffeID == "spiffe://example.org/x" && entry.selectors == ["k8s:pod-name:p"])
        let withoutID = try await psid(
            "entry", "update", "--spiffe-id", "spiffe://example.org/x", "--pod", "p", to: daemon)
        #expect(withoutID.status == .usage && withoutID.messages.contains("which entry?"))
    }

    /// What hands know that used SPIRE.
    @Test func theFlagsOfSPIRE() async throws {
        let daemon = Self.daemon()
        let outcome = try await psid(
            "entry", "create", "-spiffeID", "spiffe://example.org/x", "-parentID",
            "spiffe://example.org/podshield/node/n", "-selector", "unix:uid:1", "-selector", "unix:gid:2",
            "-x509SVIDTTL",
            "90", "-jwtSVIDTTL", "60", "-dns", "a.b", "-hint", "h", "-output", "json", to: daemon)
        #expect(outcome.status == .success && outcome.output.hasPrefix("{"), "\(outcome.messages)")
        let entry = try #require(daemon.request(Podshield_Admin_V1_EntryCreateRequest.self)).entry
        #expect(entry.spiffeID == "spiffe://example.org/x" && entry.parentID == "spiffe://example.org/podshield/node/n")
        #expect(entry.selectors == ["unix:uid:1", "unix:gid:2"] && entry.svidTtl == 90 && entry.jwtSvidTtl == 60)
        #expect(entry.dnsNames == ["a.b"] && entry.hint == "h")
        let listed = try await psid("entry", "list", "-parentID=n", "-output", "pretty", to: Self.daemon())
        #expect(listed.output.hasPrefix("ID "))
    }

    private static let token: Podshield_Admin_V1_TokenGenerateResponse = {
        var response = Podshield_Admin_V1_TokenGenerateResponse()
        (response.token, response.authorityAddress) = ("dG9rZW4-_", "[2001:db8::1]:7601")
        response.rootFingerprint = String(repeating: "ab", count: 32)
        (response.expiresAt, response.node) = (Messages.noon, "node-b")
        return response
    }()

    @Test func tokensArePrintedAsConfiguration() async throws {
        let daemon = FakeDaemon { $0.tokenGenerate = Self.token }
        let outcome = try await psid("token", "generate", "--node", "node-b", to: daemon)
        #expect(
            outcome.output == """
                # For node node-b, until 2025-11-25T19:16:17Z.
                join:
                  authority: "[2001:db8::1]:7601"
                  root-fingerprint: \(String(repeating: "ab", count: 32))
                  token: dG9rZW4-_

                """)
        let request = try #require(daemon.request(Podshield_Admin_V1_TokenGenerateRequest.self))
        #expect(request.node == "node-b" && request.ttl == 600)
        let head = "role: node\ntrust-domain: a\nprotected: [10.0.0.0/8]\nnode: {name: node-b, address: 192.0.2.2}\n"
        let configuration = try PodshieldConfiguration(yaml: head + outcome.output, file: "f")
        #expect(configuration.join?.credential == .token(.text("dG9rZW4-_")))
    }

    @Test func tokensAsJSON() async throws {
        let daemon = FakeDaemon { $0.tokenGenerate = Self.token }
        let outcome = try await psid("token", "generate", "--ttl", "9", "-o", "json", to: daemon)
        #expect(
            outcome.output == """
                {
                  "authorityAddress" : "[2001:db8::1]:7601",
                  "expiresAt" : "2025-11-25T19:16:17Z",
                  "node" : "node-b",
                  "rootFingerprint" : "\(String(repeating: "ab", count: 32))",
                  "schema" : 1,
                  "token" : "dG9rZW4-_"
                }

                """)
        #expect(daemon.request(Podshield_Admin_V1_TokenGenerateRequest.self)?.ttl == 9)
    }

    private static let nodes: Podshield_Admin_V1_NodeListResponse = {
        var node = Podshield_Admin_V1_Node()
        (node.name, node.spiffeID) = ("node-a", "spiffe://example.org/podshield/node/node-a")
        (node.number, node.address, node.linkPort, node.espPort) = (1, "192.0.2.11", 7600, 4500)
        (node.leases, node.isSelf) = (["10.42.1.10/32", "fd42::a/128"], true)
        var other = node
        (other.name, other.number, other.leases, other.isSelf) = ("node-b", 2, [], false)
        other.isBanned = true
        (other.joinedBy, other.joinedAs) = ("x509pop", "c0ffee")
        var response = Podshield_Admin_V1_NodeListResponse()
        (response.directoryRevision, response.nodes) = (9, [node, other])
        return response
    }()

    @Test func nodes() async throws {
        let daemon = FakeDaemon { $0.nodeList = Self.nodes }
        let outcome = try await psid("node", "list", to: daemon)
        #expect(
            outcome.output == """
                NUMBER  NAME     ADDRESS     LINK  ESP   JOINED BY  BANNED  LEASES
                1       node-a*  192.0.2.11  7600  4500  -          -       10.42.1.10/32,fd42::a/128
                2       node-b   192.0.2.11  7600  4500  x509pop    yes     -

                """)
    }

    @Test func oneNode() async throws {
        let daemon = FakeDaemon {
            $0.nodeList = Self.nodes
            $0.nodeList.nodes.removeFirst()
            ($0.nodeList.nodes[0].joinedAt, $0.nodeList.nodes[0].serial) = (1_800_000_000, "0badcafe")
        }
        let outcome = try await psid("node", "show", "node-b", to: daemon)
        #expect(daemon.request(Podshield_Admin_V1_NodeListRequest.self)?.node == "node-b")
        #expect(
            outcome.output == """
                node       node-b
                SPIFFE ID  spiffe://example.org/podshield/node/node-a
                number     2
                address    192.0.2.11, link port 7600, ESP port 4500
                joined by  x509pop, c0ffee
                joined at  2027-01-15T08:00:00Z
                serial     0badcafe
                banned     yes

                """)
        let json = try await psid("node", "show", "node-b", "-o", "json", to: daemon)
        #expect(json.output.contains("\"serial\" : \"0badcafe\""))
        let none = try await psid("node", "show", "node-c", to: FakeDaemon { $0.nodeList = .init() })
        #expect(none.status == .notFound && none.messages == "psid: there is no node 'node-c'\n")
    }

    @Test func nodesAsJSON() async throws {
        let daemon = FakeDaemon {
            $0.nodeList = Self.nodes
            $0.nodeList.nodes.removeLast()
            ($0.nodeList.nodes[0].joinedBy, $0.nodeList.nodes[0].joinedAs) = ("x509pop", "c0ffee")
        }
        let outcome = try await psid("node", "list", "-o", "json", to: daemon)
        #expect(
            outcome.output == """
                {
                  "directoryRevision" : 9,
                  "nodes" : [
                    {
                      "address" : "192.0.2.11",
                      "espPort" : 4500,
                      "isBanned" : false,
                      "isSelf" : true,
                      "joinedAs" : "c0ffee",
                      "joinedBy" : "x509pop",
                      "leases" : [
                        "10.42.1.10/32",
                        "fd42::a/128"
                      ],
                      "linkPort" : 7600,
                      "name" : "node-a",
                      "number" : 1,
                      "spiffeID" : "spiffe://example.org/podshield/node/node-a"
                    }
                  ],
                  "schema" : 1
                }

                """)
    }

    @Test func aNodeIsBannedAndEvicted() async throws {
        let daemon = FakeDaemon {
            $0.nodeBan.node = Self.nodes.nodes[1]
            $0.nodeEvict.node = Self.nodes.nodes[1]
        }
        #expect(try await psid("node", "ban", "node-b", to: daemon).output == "node node-b is banned\n")
        #expect(daemon.request(Podshield_Admin_V1_NodeBanRequest.self)?.node == "node-b")
        let outcome = try await psid("node", "evict", "node-b", "-o", "json", to: daemon)
        #expect(outcome.output.contains("\"isBanned\" : true") && outcome.output.contains("\"name\" : \"node-b\""))
        #expect(daemon.request(Podshield_Admin_V1_NodeEvictRequest.self)?.node == "node-b")
    }
}
