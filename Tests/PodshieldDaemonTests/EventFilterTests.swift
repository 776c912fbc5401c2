import AdminAPI
import Telemetry
import Testing

@testable import PodshieldDaemon

@Suite struct EventFilterTests {
    private let telemetry = Telemetry(EventDestination { _ in }, now: { 5 })

    private func recorded(_ event: Event) -> RecordedEvent {
        telemetry.record(event)
        return telemetry.history(last: 1)[0]
    }

    private func packet(dropped: Bool, _ reason: String, pod: String = "") -> RecordedEvent {
        var report = PacketReport(isDropped: dropped, reason: reason, hook: "from_pod")
        report.pod = pod
        return recorded(.packet(report))
    }

    private func filter(_ adjust: (inout Podshield_Admin_V1_ObserveRequest) -> Void) -> EventFilter {
        var request = Podshield_Admin_V1_ObserveRequest()
        adjust(&request)
        return EventFilter(request)
    }

    @Test func withoutAFilterEverythingPasses() {
        let all = filter { _ in }
        #expect(all.admits(recorded(.ready(role: "node"))))
        #expect(all.admits(packet(dropped: true, "replay")))
    }

    @Test func verdictsReasonsAndPodsAllCount() {
        let dropped = filter { $0.verdicts = [.dropped] }
        #expect(dropped.admits(packet(dropped: true, "replay")))
        #expect(!dropped.admits(packet(dropped: false, "opened")))
        #expect(!dropped.admits(recorded(.ready(role: "node"))))

        let narrow = filter {
            $0.reasons = ["replay", "bad-tag"]
            $0.pod = "web-0"
        }
        #expect(narrow.admits(packet(dropped: true, "replay", pod: "web-0")))
        #expect(!narrow.admits(packet(dropped: true, "replay", pod: "web-1")))
        #expect(!narrow.admits(packet(dropped: true, "no-session", pod: "web-0")))
    }

    @Test func aFilterDoesNotHideThatEventsWereLost() {
        #expect(filter { $0.verdicts = [.dropped] }.admits(recorded(.observationGap(lost: 3))))
    }

    @Test func anEventKeepsItsCodeAndFieldsOnTheWay() {
        let message = Podshield_Admin_V1_Event(packet(dropped: true, "bad-tag", pod: "web-0"))
        #expect(message.time == 5)
        #expect(message.code == EventKind.packetDropped.code)
        #expect(message.kind == "packet-dropped")
        #expect(message.priority == 5)
        #expect(message.fields["PODSHIELD_REASON"] == "bad-tag")
        #expect(message.packet.verdict == .dropped && message.packet.pod == "web-0")
        #expect(!Podshield_Admin_V1_Event(recorded(.ready(role: "node"))).hasPacket)
    }
}
