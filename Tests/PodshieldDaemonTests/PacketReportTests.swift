import Addressing
import Identity
import Telemetry
import Testing

@testable import Datapath
@testable import PodshieldDaemon

@Suite struct PacketReportTests {
    private let names = NameTable()
    private let trustDomain = try! TrustDomain("example.org")

    init() throws {
        let web = Directory.Workload(
            number: NumericIdentity(rawValue: 256), id: try SPIFFEID(trustDomain: trustDomain, path: "/ns/shop/sa/web"),
            labels: [:])
        let node = Directory.Node(
            number: NodeNumber(rawValue: 2), id: try ReservedNames.node("node-b", in: trustDomain),
            address: IPAddress("192.0.2.12")!, linkPort: 7600, espPort: 4500)
        names.update(
            directory: Directory(trustDomain: trustDomain, revision: 1, nodes: [node], leases: [], workloads: [web]))
        names.update(pods: [try podRecord("db-0", index: 7)])
        names.update(device: 7, name: "pod-db-0")
        names.update(device: 2, name: "uplink")
    }

    private func event(
        _ outcome: PacketOutcome, at hook: DatapathHook, device: UInt32, source: String = "10.42.2.9",
        destination: String = "10.42.1.7", peer: UInt32 = 2, identity: UInt32 = 256
    ) -> DatapathEvent {
        DatapathEvent(
            bootNanoseconds: 1, outcome: outcome, hook: hook, interface: device, peer: NodeNumber(rawValue: peer),
            sourceIdentity: NumericIdentity(rawValue: identity), destinationIdentity: .unknown, spi: 0x1234,
            helperError: 0, sequence: 9, source: IPAddress(source)!, destination: IPAddress(destination)!,
            sourcePort: 4000, destinationPort: 80, length: 84, transport: 6)
    }

    @Test func numbersBecomeNames() {
        let report = PacketReport(event(.replay, at: .fromUplink, device: 2), names)
        #expect(report.isDropped)
        #expect(report.reason == "replay")
        #expect(report.hook == "from_uplink")
        #expect(report.interface == "uplink")
        #expect(report.peer == "node-b")
        #expect(report.sourceSPIFFEID == "spiffe://example.org/ns/shop/sa/web")
        #expect(report.destinationSPIFFEID.isEmpty)
        #expect(report.pod == "db-0")
        #expect((report.spi, report.sequence, report.length, report.transport) == (0x1234, 9, 84, 6))
        #expect((report.source, report.sourcePort) == ("10.42.2.9", 4000))
        #expect((report.destination, report.destinationPort) == ("10.42.1.7", 80))
    }

    @Test(arguments: [
        (DatapathHook.fromPod, UInt32(7), "10.42.9.9", "10.42.9.8", "db-0"),
        (.toPod, 7, "10.42.9.9", "10.42.9.8", "db-0"),
        (.toUplink, 2, "10.42.1.7", "10.42.9.9", "db-0"),
        (.toUplink, 2, "10.42.9.9", "10.42.1.7", ""),
        (.fromUplink, 2, "10.42.1.7", "10.42.9.9", ""),
        (.fromPod, 99, "10.42.1.7", "10.42.1.7", ""),
    ])
    func thePodIsTheOneOnOurSide(
        hook: DatapathHook, device: UInt32, source: String, destination: String, pod: String
    ) {
        let event = event(.badTag, at: hook, device: device, source: source, destination: destination)
        #expect(PacketReport(event, names).pod == pod)
    }

    @Test func whatIsNotKnownStaysEmpty() {
        let report = PacketReport(
            event(.opened, at: .fromUplink, device: 77, source: "::", destination: "::", peer: 9, identity: 999), names)
        #expect(!report.isDropped)
        #expect(report.interface.isEmpty && report.peer.isEmpty && report.pod.isEmpty)
        #expect(report.source.isEmpty && report.destination.isEmpty)
        #expect(report.sourceSPIFFEID.isEmpty && report.sourceIdentity == 999)
    }

    @Test func aDeviceThatWentIsForgotten() {
        names.update(device: 2, name: nil)
        #expect(PacketReport(event(.replay, at: .fromUplink, device: 2), names).interface.isEmpty)
    }
}
