import AdminAPI
import KernelTestSupport
import Testing

@testable import PSIDCommands

@Suite struct DatapathTests {
    private static let shown: Podshield_Admin_V1_DatapathShowResponse = {
        var attachment = Podshield_Admin_V1_DatapathAttachment()
        (attachment.ifindex, attachment.interface, attachment.direction) = (7, "pod-web-0", "ingress")
        attachment.kind = "tcx"
        var gone = attachment
        gone.interface = ""
        var program = Podshield_Admin_V1_DatapathProgram()
        (program.name, program.id, program.tag) = ("from_pod", 42, "00ff")
        (program.verifiedInstructions, program.attachments) = (12345, [attachment, gone])
        var map = Podshield_Admin_V1_DatapathMap()
        (map.name, map.id, map.entries, map.maxEntries) = ("remotes", 3, 0, 65536)
        var array = Podshield_Admin_V1_DatapathMap()
        (array.name, array.id, array.maxEntries) = ("config", 4, 1)
        var association = Podshield_Admin_V1_DatapathAssociation()
        (association.inbound, association.spi, association.slot) = (true, 0x1000_0002, 2)
        (association.peer, association.identity, association.sequence) = (2, 256, 99)
        (association.packets, association.bytes, association.deadline) = (98, 9800, 5_000_000_000)
        var pod = Podshield_Admin_V1_DatapathPod()
        (pod.ifindex, pod.identity, pod.mac, pod.mtu) = (7, 256, "02:00:00:00:00:01", 1434)
        pod.addresses = ["10.42.1.10"]
        var peer = Podshield_Admin_V1_DatapathPeer()
        (peer.node, peer.address, peer.local, peer.port, peer.mtu) = (2, "192.0.2.12", "192.0.2.11", 4500, 1500)
        var remote = Podshield_Admin_V1_DatapathRemote()
        (remote.address, remote.peer, remote.identity) = ("10.42.2.10", 2, 257)
        var met = Podshield_Admin_V1_DatapathCounter()
        (met.reason, met.verdict, met.packets, met.bytes) = ("bad-tag", .dropped, 3, 300)
        var never = met
        (never.reason, never.packets, never.bytes) = ("replay", 0, 0)
        var response = Podshield_Admin_V1_DatapathShowResponse()
        (response.programs, response.maps, response.associations) = ([program], [map, array], [association])
        (response.pods, response.peers, response.remotes) = ([pod], [peer], [remote])
        (response.protected, response.counters) = (["10.42.0.0/16"], [met, never])
        (response.eventsLost, response.eventsLimited) = (1, 2)
        return response
    }()

    @Test func showing() async throws {
        let daemon = FakeDaemon { $0.datapathShow = Self.shown }
        let outcome = try await psid("datapath", "show", to: daemon)
        #expect(
            outcome.output == """
                PROGRAM   ID  TAG   VERIFIED  ATTACHED TO
                from_pod  42  00ff  12345     pod-web-0 ingress (tcx), #7 ingress (tcx)

                VERDICT  REASON   PACKETS  BYTES
                dropped  bad-tag  3        300

                DIRECTION  SPI         SLOT  PEER  IDENTITY  SEQUENCE  PACKETS  BYTES
                inbound    0x10000002  2     2     256       99        98       9800

                POD IFINDEX  IDENTITY  MAC                MTU   ADDRESSES
                7            256       02:00:00:00:00:01  1434  10.42.1.10

                PEER NODE  ADDRESS     PORT  FROM        MTU
                2          192.0.2.12  4500  192.0.2.11  1500

                REMOTE ADDRESS  NODE  IDENTITY
                10.42.2.10      2     257

                MAP      ID  ENTRIES  OF
                remotes  3   0        65536
                config   4   -        1

                EVENTS LOST  HELD BACK  PROTECTED
                1            2          10.42.0.0/16

                """)
    }

    @Test func showingAsJSON() async throws {
        let daemon = FakeDaemon { $0.datapathShow = Self.shown }
        let outcome = try await psid("datapath", "show", "-o", "json", to: daemon)
        #expect(
            outcome.output == """
                {
                  "associations" : [
                    {
                      "bytes" : 9800,
                      "deadline" : 5000000000,
                      "direction" : "inbound",
                      "identity" : 256,
                      "packets" : 98,
                      "peer" : 2,
                      "sequence" : 99,
                      "slot" : 2,
                      "spi" : 268435458
                    }
                  ],
                  "counters" : [
                    {
                      "bytes" : 300,
                      "packets" : 3,
                      "reason" : "bad-tag",
                      "verdict" : "dropped"
                    },
                    {
                      "bytes" : 0,
                      "packets" : 0,
                      "reason" : "replay",
                      "verdict" : "dropped"
                    }
                  ],
                  "eventsLimited" : 2,
                  "eventsLost" : 1,
                  "maps" : [
                    {
                      "entries" : 0,
                      "id" : 3,
                      "maxEntries" : 65536,
                      "name" : "remotes"
                    },
                    {
                      "id" : 4,
                      "maxEntries" : 1,
                      "name" : "config"
                    }
                  ],
                  "peers" : [
                    {
                      "address" : "192.0.2.12",
                      "local" : "192.0.2.11",
                      "mtu" : 1500,
                      "node" : 2,
                      "port" : 4500
                    }
                  ],
                  "pods" : [
                    {
                      "addresses" : [
                        "10.42.1.10"
                      ],
                      "identity" : 256,
                      "ifindex" : 7,
                      "mac" : "02:00:00:00:00:01",
                      "mtu" : 1434
                    }
                  ],
                  "programs" : [
                    {
                      "attachments" : [
                        {
                          "direction" : "ingress",
                          "ifindex" : 7,
                          "interface" : "pod-web-0",
                          "kind" : "tcx"
                        },
                        {
                          "direction" : "ingress",
                          "ifindex" : 7,
                          "kind" : "tcx"
                        }
                      ],
                      "id" : 42,
                      "name" : "from_pod",
                      "tag" : "00ff",
                      "verifiedInstructions" : 12345
                    }
                  ],
                  "protected" : [
                    "10.42.0.0/16"
                  ],
                  "remotes" : [
                    {
                      "address" : "10.42.2.10",
                      "identity" : 257,
                      "peer" : 2
                    }
                  ],
                  "schema" : 1
                }

                """)
    }

    @Test func uninstallingThroughTheDaemon() async throws {
        let daemon = FakeDaemon { $0.datapathUninstall.removed = ["a", "b"] }
        let outcome = try await psid("datapath", "uninstall", to: daemon)
        #expect(outcome.status == .success && outcome.becameDaemon == nil)
        #expect(outcome.output == "the datapath is uninstalled: 2 attachments and pins removed\n")
    }

    @Test func uninstallingAsJSON() async throws {
        let daemon = FakeDaemon { $0.datapathUninstall.removed = ["a"] }
        let outcome = try await psid("datapath", "uninstall", "-o", "json", to: daemon)
        #expect(
            outcome.output == """
                {
                  "removed" : [
                    "a"
                  ],
                  "schema" : 1
                }

                """)
    }

    @Test func uninstallingWithoutADaemon() async {
        let outcome = await psid(["--socket", "/nonexistent/s", "--config", "/c.yaml", "datapath", "uninstall"])
        #expect(outcome.becameDaemon == ["datapath-uninstall", "--config", "/c.yaml"])
    }

    /// A daemon that refuses is not gone round.
    @Test func uninstallingWhatTheDaemonRefuses() async throws {
        let daemon = FakeDaemon { $0.error = AdminError(.unavailable, "the kernel does not let go") }
        let outcome = try await psid("datapath", "uninstall", to: daemon)
        #expect(outcome.status == .failure && outcome.becameDaemon == nil)
    }

    @Test(arguments: [
        ("/usr/bin/psid", "/usr/sbin/podshield-idd", "/usr/bin/podshield-idd"),
        ("/w/.build/debug/psid", "/w/.build/sbin/podshield-idd", "/w/.build/debug/podshield-idd"),
        ("/psid", "/sbin/podshield-idd", "/podshield-idd"),
    ])
    func whereTheDaemonIs(_ own: String, _ installed: String, _ built: String) {
        #expect(DaemonProgram.places(besides: own) == [installed, built])
    }
}
