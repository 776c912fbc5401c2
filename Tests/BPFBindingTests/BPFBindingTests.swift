import BPFBinding
import Foundation
import KernelTestSupport
import Synchronization
import Testing

@Suite struct ObjectTests {
    @Test func mapsAreDescribedBeforeLoading() throws {
        let fixture = try Fixture()
        let object = try BPFObject(path: fixture.path)
        let maps = Dictionary(uniqueKeysWithValues: object.maps.map { ($0.name, $0) })
        let records = try #require(maps["records"])
        #expect(records.layout == BPFMapLayout(type: 2, keySize: 4, valueSize: 16, maxEntries: 8))
        #expect(records.valueStructure?.name == "record" && records.valueStructure?.size == 16)
        #expect(records.valueStructure?.offsets == ["first": 0, "second": 8])
        #expect(maps["table"]?.valueStructure == nil)
        #expect(object.programNames == ["first", "second"])
    }

    @Test func sizesAreSetBeforeLoading() throws {
        let fixture = try Fixture()
        let object = try BPFObject(path: fixture.path)
        try object.setMaxEntries(32, of: "records")
        try object.load()
        #expect(try object.map("records").layout.maxEntries == 32)
    }

    @Test func aMissingFileIsNamed() {
        let error = #expect(throws: BPFError.self) { try BPFObject(path: "/nonexistent.o") }
        #expect(error?.code == ENOENT && error?.subject == "/nonexistent.o")
    }

    @Test func theVerifiersWordsAreInTheError() throws {
        let fixture = try Fixture("REFUSED")
        let object = try BPFObject(path: fixture.path)
        let error = #expect(throws: BPFError.self) { try object.load() }
        #expect(error?.operation == "bpf_object__load")
        #expect(error?.log.contains("invalid mem access") == true)
    }

    @Test func pinnedMapsAreUsedAgain() throws {
        let bpffs = try PrivateBPFFS()
        let fixture = try Fixture()
        let pin = bpffs.path + "/records"
        do {
            let map = try fixture.loaded().map("records")
            try map.update(UInt32(3), to: Record(first: 1, second: 2))
            try map.pin(at: pin)
        }
        let object = try BPFObject(path: fixture.path)
        try object.reuse(BPFMap(pinnedAt: pin), for: "records")
        try object.load()
        let map = try object.map("records")
        #expect(try map.value(at: UInt32(3)) == Record(first: 1, second: 2))
        #expect(map.id == (try BPFMap(pinnedAt: pin)).id)
        try BPFFileSystem.unpin(pin)
        try BPFFileSystem.unpin(pin)
        #expect(!BPFFileSystem.hasPin(pin))
    }

    @Test func onlyABPFFSIsOne() throws {
        let bpffs = try PrivateBPFFS()
        #expect(BPFFileSystem.contains(bpffs.path))
        #expect(!BPFFileSystem.contains("/tmp"))
        #expect(!BPFFileSystem.contains("/nonexistent"))
    }
}

/// As in the fixture.
struct Record: Equatable {
    var first: UInt32
    var padding: UInt32 = 0
    var second: UInt64
}

@Suite struct MapTests {
    let object: BPFObject

    init() throws { object = try Fixture().loaded() }

    @Test func hashesHoldAndLose() throws {
        let map = try object.map("table")
        #expect(try map.value(at: UInt64(9), as: UInt32.self) == nil)
        for key in UInt64(1)...4 { try map.update(key, to: UInt32(key * 10)) }
        #expect(try map.value(at: UInt64(3), as: UInt32.self) == 30)
        #expect(Set(try map.keys(as: UInt64.self)) == [1, 2, 3, 4])
        let full = #expect(throws: BPFError.self) { try map.update(UInt64(5), to: UInt32(0)) }
        #expect(full?.code == E2BIG && full?.subject == "table")
        #expect(try map.remove(UInt64(1)) == true)
        #expect(try map.remove(UInt64(1)) == false)
        let absent = #expect(throws: BPFError.self) {
            try map.update(UInt64(1), to: UInt32(0), when: .onlyExisting)
        }
        #expect(absent?.code == ENOENT)
    }

    @Test func arraysAreCleared() throws {
        let map = try object.map("records")
        try map.update(UInt32(7), to: Record(first: 5, second: 6))
        try map.clear(UInt32(7))
        #expect(try map.value(at: UInt32(7)) == Record(first: 0, second: 0))
        #expect(try map.value(at: UInt32(8), as: Record.self) == nil)
    }

    @Test func perCPUValuesAreOneACPU() throws {
        let values = try object.map("counts").valuesPerCPU(at: UInt32(0), as: UInt32.self)
        #expect(
            values.count == Int(
                try String(contentsOfFile: "/sys/devices/system/cpu/possible", encoding: .utf8)
                    .split(whereSeparator: { "-\n".contains($0) }).last!)! + 1)
    }

    @Test func gracePeriodsEnd() async throws {
        let grace = try GracePeriod()
        try grace.wait()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { try await grace.elapse() } }
            try await group.waitForAll()
        }
    }
}

@Suite struct AttachmentTests {
    let bpffs: PrivateBPFFS
    let pod: TestPod
    let object: BPFObject
    let interface: UInt32

    init() throws {
        bpffs = try PrivateBPFFS()
        pod = try TestPod()
        object = try Fixture().loaded()
        interface = unsafe if_nametoindex(pod.hostInterface)
    }

    /// One frame from the pod.
    private func speak() throws {
        try pod.run("ip", "neigh", "flush", "dev", "eth0")
        try pod.run("ip", "addr", "replace", "192.0.2.1/24", "dev", "eth0")
        _ = try? pod.run("ping", "-c1", "-W1", "-i0.2", "192.0.2.2")
    }

    /// Whether the program that says `value` is the one that sees frames. A frame of before may come late, or one too late.
    private func hears(_ value: UInt32?, _ ring: Recorder) throws -> Bool {
        let expected = Set([value].compactMap(\.self))
        for _ in 0..<10 {
            ring.reset()
            try speak()
            if ring.values == expected { return true }
        }
        return false
    }

    @Test func tcxLinksReplaceWithoutATraceAndOutliveUsPinned() throws {
        let recorder = try Recorder(object.map("ring"))
        let pin = bpffs.path + "/link"
        do { try TCXLink(attaching: object.program("first"), to: interface, .ingress).pin(at: pin) }
        #expect(try hears(1, recorder))
        let link = try TCXLink(pinnedAt: pin)
        #expect(try link.info().interface == interface)
        try link.replaceProgram(with: object.program("second"))
        #expect(try link.info().program == object.program("second").id)
        #expect(try hears(2, recorder))
        try link.detach()
        #expect(try hears(nil, recorder))
    }

    @Test func linksKnowThatTheirDeviceIsGone() throws {
        let link = try TCXLink(attaching: object.program("first"), to: interface, .egress)
        try Command.run("ip", "link", "del", pod.hostInterface)
        #expect(try link.info().interface == 0)
    }

    @Test func filtersReplaceAndAreFound() throws {
        let recorder = try Recorder(object.map("ring"))
        let filter = ClsactFilter(interface: interface, direction: .ingress, handle: 9, priority: 1)
        #expect(try filter.attachedProgram() == nil)
        #expect(try ClsactFilter.addQueueingDiscipline(to: interface) == true)
        #expect(try ClsactFilter.addQueueingDiscipline(to: interface) == false)
        try filter.attach(object.program("first"))
        #expect(try filter.attachedProgram() == object.program("first").id)
        #expect(try hears(1, recorder))
        try filter.attach(object.program("second"))
        #expect(try hears(2, recorder))
        try filter.detach()
        try filter.detach()
        #expect(try filter.attachedProgram() == nil)
        try ClsactFilter.removeQueueingDiscipline(from: interface)
        #expect(try !Command.run("tc", "qdisc", "show", "dev", pod.hostInterface).contains("clsact"))
    }
}

/// What came out of a ring.
final class Recorder: Sendable {
    private let box: Box
    private let ring: RingBuffer

    private final class Box: Sendable { let values = Mutex<Set<UInt32>>([]) }

    init(_ map: BPFMap) throws {
        let box = Box()
        self.box = box
        ring = try unsafe RingBuffer(reading: map) { bytes in
            let value = unsafe bytes.loadUnaligned(as: UInt32.self)
            box.values.withLock { _ = $0.insert(value) }
        }
    }

    func reset() { box.values.withLock { $0 = [] } }
    var values: Set<UInt32> { box.values.withLock { $0 } }
}
