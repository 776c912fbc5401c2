import AdminAPI
import PSIDCommands
import Testing

@Suite struct StatusTests {
    private static let sound = FakeDaemon { $0.statuses = [Messages.status] }

    private func daemon(_ change: (inout Podshield_Admin_V1_StatusResponse) -> Void) -> FakeDaemon {
        var status = Messages.status
        change(&status)
        return FakeDaemon { $0.statuses = [status] }
    }

    @Test func aSoundDaemon() async throws {
        let outcome = try await psid("status", to: Self.sound)
        #expect(outcome.status == .success)
        #expect(
            outcome.output == """
                podshield-idd 0.1.0, standalone of example.org, instance default: ready

                node        spiffe://example.org/podshield/node/node-a
                address     192.0.2.11, link 7600, ESP 4500
                SVID until  2025-11-25T20:16:17Z
                authority   192.0.2.11:7601, connected
                directory   revision 7
                pods        3
                peers       1 of 2 connected

                authority   spiffe://example.org/podshield/authority/authority
                listens on  192.0.2.11:7601
                root        ab12
                CA until    2025-11-26T19:16:17Z
                entries     4
                nodes       2
                directory   revision 7

                datapath   tcx
                uplinks    eth0, eth1
                protected  10.42.0.0/16, fd42::/48
                packets    10 sealed, 9 opened, 8 dropped

                """)
    }

    @Test func asJSON() async throws {
        let outcome = try await psid("status", "-o", "json", to: Self.sound)
        #expect(
            outcome.output == """
                {
                  "authority" : {
                    "caNotAfter" : "2025-11-26T19:16:17Z",
                    "directoryRevision" : 7,
                    "entries" : 4,
                    "listenAddress" : "192.0.2.11:7601",
                    "nodes" : 2,
                    "rootFingerprint" : "ab12",
                    "spiffeID" : "spiffe://example.org/podshield/authority/authority"
                  },
                  "datapath" : {
                    "attachment" : "tcx",
                    "eventsLost" : 0,
                    "packetsDropped" : 8,
                    "packetsOpened" : 9,
                    "packetsSealed" : 10,
                    "permissive" : false,
                    "protected" : [
                      "10.42.0.0/16",
                      "fd42::/48"
                    ],
                    "uplinks" : [
                      "eth0",
                      "eth1"
                    ]
                  },
                  "findings" : [

                  ],
                  "instance" : "default",
                  "node" : {
                    "address" : "192.0.2.11",
                    "authorityAddress" : "192.0.2.11:7601",
                    "authorityConnected" : true,
                    "authorityLastContact" : "2025-11-25T19:16:17Z",
                    "directoryRevision" : 7,
                    "espPort" : 4500,
                    "linkPort" : 7600,
                    "number" : 1,
                    "peers" : 2,
                    "peersConnected" : 1,
                    "pods" : 3,
                    "spiffeID" : "spiffe://example.org/podshield/node/node-a",
                    "svidNotAfter" : "2025-11-25T20:16:17Z",
                    "svidNotBefore" : "2025-11-25T19:16:17Z"
                  },
                  "ready" : true,
                  "role" : "standalone",
                  "schema" : 1,
                  "startedAt" : "2025-11-25T19:16:17Z",
                  "trustDomain" : "example.org",
                  "version" : "0.1.0"
                }

                """)
    }

    @Test func whatIsWrongComesFirst() async throws {
        let daemon = daemon { status in
            status.ready = false
            status.findings = [
                Messages.finding("PSD3002", isError: true, "the node's SVID\u{1b} has expired"),
                Messages.finding("PSD1007", isError: false, "permissive is set"),
            ]
            status.clearAuthority()
            status.node.spiffeID = ""
            status.node.svidNotAfter = 0
            status.node.authorityConnected = false
            status.node.authorityLastContact = 0
            status.datapath.attachment = ""
            status.datapath.permissive = true
            status.datapath.eventsLost = 3
        }
        let outcome = try await psid("status", to: daemon)
        #expect(outcome.status == .problemsFound && outcome.messages == "")
        #expect(
            outcome.output == """
                podshield-idd 0.1.0, standalone of example.org, instance default: not ready
                  error PSD3002 the node's SVID\\u{1B} has expired
                  warning PSD1007 permissive is set

                node       has no valid SVID, has to join again
                address    192.0.2.11, link 7600, ESP 4500
                authority  192.0.2.11:7601, not connected, never reached
                directory  revision 7
                pods       3
                peers      1 of 2 connected

                datapath     not attached, permissive
                uplinks      eth0, eth1
                protected    10.42.0.0/16, fd42::/48
                packets      10 sealed, 9 opened, 8 dropped
                events lost  3

                """)
    }

    @Test(arguments: [
        (true, nil, Status.success, "ready\n"), (true, false, .success, "ready\n"),
        (true, true, .problemsFound, "impaired: broken\n"), (false, nil, .problemsFound, "not ready\n"),
        (false, true, .problemsFound, "not ready: broken\n"),
    ])
    func brief(_ ready: Bool, _ finding: Bool?, _ status: Status, _ output: String) async throws {
        let daemon = daemon { status in
            status.ready = ready
            status.findings = finding.map { [Messages.finding("PSD1001", isError: $0, "broken")] } ?? []
        }
        let outcome = try await psid("status", "--brief", to: daemon)
        #expect(outcome.status == status && outcome.output == output)
    }

    @Test func coloursOnATerminal() async throws {
        let outcome = try await psid("status", "--brief", to: Self.sound, hasColours: true)
        #expect(outcome.output == "\u{1b}[32mready\u{1b}[0m\n")
    }

    @Test func waitingUntilItIsReady() async throws {
        var starting = Messages.status
        starting.ready = false
        let daemon = FakeDaemon { $0.statuses = [starting, starting, Messages.status] }
        let outcome = try await psid("status", "--wait", "--brief", to: daemon)
        #expect(outcome.status == .success && outcome.output == "ready\n")
    }

    @Test func waitingInVain() async throws {
        let daemon = daemon { status in
            status.ready = false
            status.findings = [Messages.finding("PSD3002", isError: true, "this node has not joined")]
        }
        let outcome = try await psid("status", "--wait", "--timeout", "1", to: daemon)
        #expect(outcome.status == .timedOut && outcome.output == "")
        #expect(outcome.messages == "psid: not ready after 1 seconds: this node has not joined\n")
    }

    @Test func waitingForNobody() async {
        let outcome = await psid(["--socket", "/nonexistent/s", "status", "--wait", "--timeout", "1"])
        #expect(outcome.status == .timedOut)
        #expect(
            outcome.messages
                == "psid: not ready after 1 seconds: /nonexistent/s: No such file or directory; does podshield-idd run?\n"
        )
    }
}
