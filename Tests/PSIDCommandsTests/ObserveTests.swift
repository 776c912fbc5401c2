import AdminAPI
import PSIDCommands
import Testing

@Suite struct ObserveTests {
    private static let dropped: Podshield_Admin_V1_Event = {
        var event = Podshield_Admin_V1_Event()
        (event.time, event.code, event.kind) = (1_764_098_177_042_000_000, "PSD5001", "packet-dropped")
        (event.priority, event.message) = (5, "dropped at from_uplink")
        event.fields = ["PODSHIELD_REASON": "bad-tag"]
        (event.packet.verdict, event.packet.reason, event.packet.hook) = (.dropped, "bad-tag", "from_uplink")
        (event.packet.source, event.packet.destination) = ("10.42.1.10", "10.42.2.10")
        (event.packet.protocol, event.packet.length, event.packet.spi) = (6, 90, 0x1234)
        event.packet.sourceSpiffeID = "spiffe://example.org/ns/shop/sa/web"
        return event
    }()

    private static let joined: Podshield_Admin_V1_Event = {
        var event = Podshield_Admin_V1_Event()
        (event.time, event.code, event.kind) = (1_764_098_178_000_000_000, "PSD2004", "node-admitted")
        (event.priority, event.message) = (5, "node \u{1b}[2J has joined")
        return event
    }()

    private let daemon = FakeDaemon { $0.events = [Self.dropped, Self.joined] }

    @Test func linesForPeople() async throws {
        let outcome = try await psid("observe", "--no-follow", to: daemon)
        #expect(outcome.status == .success)
        #expect(
            outcome.output == """
                2025-11-25T19:16:17.042Z notice PSD5001 dropped at from_uplink (spiffe://example.org/ns/shop/sa/web to ?)
                2025-11-25T19:16:18.000Z notice PSD2004 node \\u{1B}[2J has joined

                """)
    }

    @Test func linesForPrograms() async throws {
        let outcome = try await psid("observe", "--no-follow", "-o", "json", to: daemon)
        #expect(
            outcome.output == """
                {"code":"PSD5001","destination":"10.42.2.10","fields":{"PODSHIELD_REASON":"bad-tag"},"hook":"from_uplink",\
                "kind":"packet-dropped","length":90,"message":"dropped at from_uplink","priority":"notice","protocol":6,\
                "reason":"bad-tag","schema":1,"source":"10.42.1.10",\
                "sourceSPIFFEID":"spiffe://example.org/ns/shop/sa/web","spi":4660,"time":"2025-11-25T19:16:17.042Z",\
                "verdict":"dropped"}
                {"code":"PSD2004","fields":{},"kind":"node-admitted","message":"node \\u001b[2J has joined",\
                "priority":"notice","schema":1,"time":"2025-11-25T19:16:18.000Z"}

                """)
    }

    @Test func aDaemonThatEndsIsSaid() async throws {
        let outcome = try await psid("observe", to: daemon)
        #expect(outcome.status == .notReachable && outcome.messages == "psid: podshield-idd has stopped\n")
        #expect(outcome.output.split(separator: "\n").count == 2)
        #expect(daemon.request(Podshield_Admin_V1_ObserveRequest.self)?.follow == true)
        #expect(daemon.request(Podshield_Admin_V1_ObserveRequest.self)?.last == 0)
    }

    @Test func whatIsAskedFor() async throws {
        _ = try await psid(
            "observe", "--last", "5", "--no-follow", "--verdict", "dropped", "--reason", "bad-tag", "--reason",
            "replay",
            "--pod", "web-0", to: daemon)
        let request = try #require(daemon.request(Podshield_Admin_V1_ObserveRequest.self))
        #expect(request.last == 5 && !request.follow && request.verdicts == [.dropped])
        #expect(request.reasons == ["bad-tag", "replay"] && request.pod == "web-0")
    }

    @Test func thePastAloneIsTwentyEvents() async throws {
        _ = try await psid("observe", "--no-follow", to: daemon)
        #expect(daemon.request(Podshield_Admin_V1_ObserveRequest.self)?.last == 20)
    }
}
