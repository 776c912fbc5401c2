import AuthorityAPI
import Identity
import RandomTestSupport
import Testing

/// An index finds for a workload what comparing it with every entry finds.
@Suite struct EntryIndexTests {
    private static func selector(_ random: inout SplitMix) -> Selector {
        let number = UInt32.random(in: 0..<5, using: &random)
        return switch Int.random(in: 0..<12, using: &random) {
        case 0: .namespace("ns-\(number)")
        case 1: .serviceAccount("sa-\(number)")
        case 2: .podName("pod-\(number)")
        case 3: .podLabel(key: "app", value: "\(number)")
        case 4: .userID(number)
        case 5: .userName("user-\(number)")
        case 6: .groupID(number)
        case 7: .groupName("group-\(number)")
        case 8: .supplementaryGroupID(number)
        case 9: .executablePath("/bin/\(number)")
        case 10: .executableDigest(String(repeating: "\(number)", count: 64))
        default: .systemdUnit("\(number).service")
        }
    }

    private static func entry(_ id: String, _ random: inout SplitMix) throws -> ListedEntry {
        let count = Int.random(in: 1...4, using: &random)
        return ListedEntry(
            WorkloadEntry(
                id: id, spiffeID: try SPIFFEID(trustDomain: trustDomain, path: "/\(id)"),
                selectors: (0..<count).map { _ in selector(&random) }, hint: "",
                edition: random.next()), createdAt: Int64.random(in: 0..<50, using: &random))
    }

    private static func found(_ index: EntryIndex, _ facts: Set<Selector>) -> [WorkloadEntry] {
        index.kinds.flatMap { kind in facts.filter { $0.kind == kind } }.flatMap(index.entries(under:))
            .filter { facts.isSuperset(of: $0.entry.selectors) }.sorted().map(\.entry)
    }

    @Test(arguments: 0..<20 as Range<UInt64>) func whatIsFoundIsWhatFits(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        var entries: [String: ListedEntry] = [:]
        var index = EntryIndex()
        for _ in 0..<300 {
            let id = "e\(Int.random(in: 0..<80, using: &random))"
            if Bool.random(using: &random), Bool.random(using: &random) {
                entries[id] = nil
                index.remove(id)
            } else {
                let entry = try Self.entry(id, &random)
                entries[id] = entry
                index.put(entry)
            }
            let facts = Set((0..<12).map { _ in Self.selector(&random) })
            let fitting = entries.values.filter { facts.isSuperset(of: $0.entry.selectors) }.sorted().map(\.entry)
            #expect(Self.found(index, facts) == fitting)
            // However it came about, and whatever its entries lie under.
            let anew = EntryIndex(entries.values.shuffled(using: &random))
            #expect(anew == index && Self.found(anew, facts) == fitting && index.count == entries.count)
            #expect(index.inOrder == entries.values.sorted().map(\.entry))
        }
        for id in entries.keys { index.remove(id) }
        #expect(index.isEmpty && index.kinds.isEmpty)
    }

    /// Ten thousand of one user's would be compared with each of its processes.
    @Test func entriesLieUnderWhatFewShare() throws {
        let entries = try (0..<1000).map { number in
            ListedEntry(
                WorkloadEntry(
                    id: "e\(number)", spiffeID: try SPIFFEID(trustDomain: trustDomain, path: "/\(number)"),
                    selectors: [.userID(0), .executablePath("/bin/\(number)")], hint: "", edition: 1), createdAt: 0)
        }
        let index = EntryIndex(entries)
        #expect(index.kinds == [.executablePath] && index.entries(under: .executablePath("/bin/7")).count == 1)
    }

    /// For whom they are not, they must not be costly.
    @Test func noEntryLiesUnderADearFactThatHasACheapOne() throws {
        var random = SplitMix(seed: 1)
        let entries = try (0..<5000).map { try Self.entry("e\($0)", &random) }
        let index = EntryIndex(entries)
        for number in 0..<5 {
            let digest = Selector.executableDigest(String(repeating: "\(number)", count: 64))
            for dear in [digest, .userName("user-\(number)"), .groupName("group-\(number)")] {
                #expect(index.entries(under: dear).allSatisfy { $0.entry.selectors.allSatisfy(\.kind.isDear) })
            }
        }
        #expect(
            [
                Selector.namespace("x"), .serviceAccount("x"), .podName("x"), .podLabel(key: "x", value: "x"),
                .systemdUnit("x"),
            ]
            .allSatisfy { $0.kind.isGivenFromOutside && !$0.kind.isDear })
    }

    /// Callers in containers are compared with no others of the dear ones.
    @Test func whatIsGivenFromOutsideIsLookedUpFirst() throws {
        let digest = Selector.executableDigest(String(repeating: "0", count: 64))
        for outside in [Selector.containerName("web"), .containerImage("web:1")] {
            for other in [digest, .userName("a"), .groupName("a")] {
                let entries = try (0..<3).map { number in
                    ListedEntry(
                        WorkloadEntry(
                            id: "e\(number)", spiffeID: try SPIFFEID(trustDomain: trustDomain, path: "/\(number)"),
                            selectors: number == 0 ? [other, outside] : [outside], hint: "", edition: 1), createdAt: 0)
                }
                #expect(EntryIndex(entries).kinds == [outside.kind] && outside.kind.isGivenFromOutside)
            }
        }
    }
}
