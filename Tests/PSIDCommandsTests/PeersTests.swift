import AdminAPI
import PSIDCommands
import Testing

@Suite struct PeersTests {
    private let daemon = FakeDaemon { $0.peers = Messages.peers }

    @Test func asATable() async throws {
        let outcome = try await psid("peers", to: daemon)
        #expect(outcome.status == .success)
        #expect(
            outcome.output == """
                NAME    STATE        ADDRESS      SUITE              POST-QUANTUM  KEYS UNTIL            SAS IN/OUT  ERROR
                node-b  established  192.0.2.12   chacha20-poly1305  yes           2025-11-25T20:16:17Z  1/1         -
                node-c  connecting   2001:db8::3  -                  -             -                     0/0         no route\\nto host

                """)
    }

    @Test func withAssociations() async throws {
        let outcome = try await psid("peers", "list", "--associations", to: daemon)
        #expect(
            outcome.output.hasSuffix(
                """

                PEER    DIRECTION  SPI         IDENTITY  SPIFFE ID                            UNTIL                 PACKETS  BYTES
                node-b  inbound    0x00001234  257       spiffe://example.org/ns/shop/sa/db   2025-11-25T21:16:17Z  5        500
                node-b  outbound   0x9abcdef0  256       spiffe://example.org/ns/shop/sa/web  2025-11-25T21:16:17Z  5        500

                """))
    }

    @Test func asJSON() async throws {
        let outcome = try await psid("peers", "-o", "json", to: daemon)
        #expect(
            outcome.output == """
                {
                  "peers" : [
                    {
                      "address" : "192.0.2.12",
                      "associations" : [
                        {
                          "bytes" : 500,
                          "deadline" : "2025-11-25T21:16:17Z",
                          "direction" : "inbound",
                          "identity" : 257,
                          "packets" : 5,
                          "spi" : 4660,
                          "spiffeID" : "spiffe://example.org/ns/shop/sa/db"
                        },
                        {
                          "bytes" : 500,
                          "deadline" : "2025-11-25T21:16:17Z",
                          "direction" : "outbound",
                          "identity" : 256,
                          "packets" : 5,
                          "spi" : 2596069104,
                          "spiffeID" : "spiffe://example.org/ns/shop/sa/web"
                        }
                      ],
                      "epoch" : "0a0b",
                      "epochEndsAt" : "2025-11-25T20:16:17Z",
                      "epochStartedAt" : "2025-11-25T19:16:17Z",
                      "espPort" : 4500,
                      "group" : "X25519",
                      "name" : "node-b",
                      "number" : 2,
                      "postQuantum" : true,
                      "spiffeID" : "spiffe://example.org/podshield/node/node-b",
                      "state" : "established",
                      "suite" : "chacha20-poly1305"
                    },
                    {
                      "address" : "2001:db8::3",
                      "associations" : [

                      ],
                      "espPort" : 4500,
                      "lastError" : "no route\\nto host",
                      "name" : "node-c",
                      "number" : 3,
                      "postQuantum" : false,
                      "spiffeID" : "spiffe://example.org/podshield/node/node-c",
                      "state" : "connecting"
                    }
                  ],
                  "schema" : 1
                }

                """)
    }

    private static func outcome(_ peer: String, epoch: String = "", error: String = "")
        -> Podshield_Admin_V1_RekeyOutcome
    {
        var outcome = Podshield_Admin_V1_RekeyOutcome()
        (outcome.peer, outcome.epoch, outcome.error) = (peer, epoch, error)
        return outcome
    }

    @Test func rekeyingOne() async throws {
        let daemon = FakeDaemon { $0.rekey.outcomes = [Self.outcome("node-b", epoch: "0c0d")] }
        let outcome = try await psid("peers", "rekey", "node-b", to: daemon)
        #expect(outcome.status == .success)
        #expect(outcome.output == "PEER    NEW EPOCH  ERROR\nnode-b  0c0d       -\n")
        #expect(daemon.request(Podshield_Admin_V1_RekeyRequest.self)?.peer == "node-b")
    }

    @Test func rekeyingAllOfWhichOneFails() async throws {
        let daemon = FakeDaemon {
            $0.rekey.outcomes = [Self.outcome("node-b", epoch: "0c0d"), Self.outcome("node-c", error: "no answer")]
        }
        let outcome = try await psid("peers", "rekey", "-o", "json", to: daemon)
        #expect(outcome.status == .failure && outcome.messages == "")
        #expect(
            outcome.output == """
                {
                  "outcomes" : [
                    {
                      "epoch" : "0c0d",
                      "peer" : "node-b"
                    },
                    {
                      "error" : "no answer",
                      "peer" : "node-c"
                    }
                  ],
                  "schema" : 1
                }

                """)
        #expect(daemon.request(Podshield_Admin_V1_RekeyRequest.self)?.peer == "")
    }
}
