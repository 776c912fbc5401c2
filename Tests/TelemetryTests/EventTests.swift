import SystemdBinding
import Testing

@testable import Telemetry

@Suite struct EventTests {
    @Test func kindsShareNothing() {
        let kinds = EventKind.allCases
        #expect(Set(kinds.map(\.code)).count == kinds.count)
        #expect(Set(kinds.map(\.messageID)).count == kinds.count)
    }

    @Test(arguments: EventKind.allCases)
    func kindsAreWellFormed(_ kind: EventKind) throws {
        #expect(try #/PSD[1-7][0-9]{3}/#.wholeMatch(in: kind.code) != nil)
        #expect(try #/[0-9a-f]{32}/#.wholeMatch(in: kind.messageID) != nil)
        #expect(try #/[a-z]+(-[a-z]+)*/#.wholeMatch(in: kind.rawValue) != nil)
    }

    /// What has been released is found by these in journals, alerts and scripts.
    @Test(arguments: [
        (EventKind.ready, "PSD1002", "ready"), (.nodeAdmitted, "PSD2004", "node-admitted"),
        (.nodeJoined, "PSD3001", "node-joined"), (.epochConfirmed, "PSD4006", "epoch-confirmed"),
        (.packetDropped, "PSD5001", "packet-dropped"),
    ])
    func codesStay(_ kind: EventKind, _ code: String, _ word: String) {
        #expect(kind.code == code)
        #expect(kind.rawValue == word)
    }

    @Test(arguments: EventField.allCases)
    func theJournalTakesFields(_ field: EventField) {
        #expect(try! #/PODSHIELD_[A-Z_]+/#.wholeMatch(in: field.rawValue) != nil && field.rawValue.utf8.count <= 64)
    }

    @Test(arguments: [
        ("plain", "plain"), ("two\nlines", "two\\nlines"), ("\u{1b}[31mred", "\\u{1B}[31mred"),
        ("zero\0", "zero\\0"), ("c1\u{9b}", "c1\\u{009B}"), ("turn\u{202e}ed", "turn\\u{202E}ed"),
        ("line\u{2028}", "line\\u{2028}"), ("ümläut ✓", "ümläut ✓"),
    ])
    func messagesStayOnOneLine(_ text: String, _ expected: String) {
        #expect(Event.ready(role: text).message == "ready as \(expected)")
    }

    @Test func unknownFieldsAreLeftOut() {
        let event = Event.tokenGenerated(node: nil, expiresAt: 5)
        #expect(event.message == "a join token was made for any node")
        #expect(event.fields == [.notAfter: "5"])
    }

    @Test func aDroppedPacket() {
        var packet = PacketReport(isDropped: true, reason: "bad-tag", hook: "from_uplink")
        packet.interface = "eth0"
        (packet.source, packet.sourcePort) = ("fd42::1", 4000)
        (packet.destination, packet.destinationPort) = ("10.42.1.10", 80)
        (packet.transport, packet.length, packet.spi, packet.peer) = (17, 90, 0x1234, "node-b")
        let event = Event.packet(packet)
        #expect(event.kind == .packetDropped)
        #expect(
            event.message
                == "dropped at from_uplink of eth0: [fd42::1]:4000 to 10.42.1.10:80: bad-tag, SPI 0x1234")
        #expect(
            event.fields == [
                .verdict: "dropped", .reason: "bad-tag", .hook: "from_uplink", .interface: "eth0",
                .source: "fd42::1", .sourcePort: "4000", .destination: "10.42.1.10", .destinationPort: "80",
                .transport: "17", .length: "90", .spi: "4660", .peer: "node-b",
            ])
        #expect(event.packet == packet)
    }

    @Test func aForwardedPacket() {
        var packet = PacketReport(isDropped: false, reason: "sealed", hook: "from_pod")
        (packet.source, packet.destination) = ("10.42.1.10", "10.42.2.10")
        let event = Event.packet(packet)
        #expect(event.kind == .packetForwarded)
        #expect(event.message == "forwarded at from_pod: 10.42.1.10 to 10.42.2.10: sealed")
    }

    @Test func journalFields() {
        let fields = Event.adminRefused(user: 1000).journalFields(instance: "default")
        #expect(
            fields.map { "\($0.name)=\($0.value)" } == [
                "MESSAGE=user 1000 may not use the admin socket", "MESSAGE_ID=\(EventKind.adminRefused.messageID)",
                "PRIORITY=4", "SYSLOG_IDENTIFIER=podshield-idd", "PODSHIELD_CODE=PSD1010",
                "PODSHIELD_KIND=admin-refused", "PODSHIELD_INSTANCE=default", "PODSHIELD_UID=1000",
            ])
    }

    @Test func lineOnStandardError() {
        let recorded = RecordedEvent(number: 1, time: 1_764_098_177_042_999_999, event: .adminRefused(user: 7))
        #expect(recorded.line == "2025-11-25T19:16:17.042Z warning PSD1010 user 7 may not use the admin socket")
    }
}
