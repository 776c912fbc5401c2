import AuthorityAPI
import Identity
import RandomTestSupport
import Testing

@testable import Authority

/// What a node is told, message by message, comes to what the registry has.
@Suite struct ToldEntriesTests {
    private static func entry(_ id: Int, edition: UInt64) throws -> ListedEntry {
        ListedEntry(
            WorkloadEntry(
                id: "e\(id)", spiffeID: try SPIFFEID(trustDomain: trustDomain, path: "/\(id)"),
                selectors: [.userID(UInt32(id))], hint: "", edition: edition), createdAt: Int64(id))
    }

    /// As a node does with it, by the words of the wire.
    private static func take(_ news: EntryNews, _ index: inout EntryIndex, _ number: inout UInt64) throws {
        let read = Podshield_Authority_V1_EntryList(news).parsed(in: trustDomain)
        #expect(read == news)
        #expect(read.since == nil || read.since == number)
        number = read.number
        if read.since == nil { index = EntryIndex() }
        for id in read.removed { index.remove(id) }
        for entry in read.entries { index.put(entry) }
    }

    @Test(arguments: 0..<10 as Range<UInt64>) func changesComeToTheWhole(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        var registry: [String: ListedEntry] = [:]
        var (changes, wholes) = (ToldEntries(), ToldEntries())
        var (changed, replaced) = (EntryIndex(), EntryIndex())
        var (edition, number, other): (UInt64, UInt64, UInt64) = (0, 0, 0)
        for _ in 0..<200 {
            var ids: Set<String> = []
            for _ in 0..<Int.random(in: 0..<6, using: &random) {
                let id = Int.random(in: 1..<30, using: &random)
                edition += 1
                ids.insert("e\(id)")
                registry["e\(id)"] = Bool.random(using: &random) ? nil : try Self.entry(id, edition: edition)
            }
            let all = registry.values.sorted()
            // Now and then it is not known which have changed.
            let isKnown = changes.hasBegun && Int.random(in: 0..<5, using: &random) > 0
            let news =
                isKnown
                ? changes.change(all.filter { ids.contains($0.entry.id) }, of: Array(ids)) : changes.compare(all)
            if let news { try Self.take(news, &changed, &number) }
            if let news = wholes.replace(all) {
                #expect(news.since == nil && news.entries == all)
                try Self.take(news, &replaced, &other)
            }
            #expect(changed == EntryIndex(all) && replaced == changed)
        }
    }

    @Test func nothingIsToldTwice() throws {
        var told = ToldEntries()
        let entry = try Self.entry(1, edition: 1)
        #expect(told.compare([]) == EntryNews(entries: [], number: 1))
        #expect(told.compare([]) == nil && told.change([], of: ["e9"]) == nil)
        #expect(told.change([entry], of: ["e1"]) == EntryNews(entries: [entry], number: 2, since: 1))
        #expect(told.change([entry], of: ["e1"]) == nil && told.compare([entry]) == nil)
        #expect(told.change([], of: ["e1"]) == EntryNews(entries: [], removed: ["e1"], number: 3, since: 2))
    }

    /// What a node does not understand it must not go on taking for what it was.
    @Test func anEntryThatMakesNoSenseIsGone() throws {
        var message = Podshield_Authority_V1_EntryList(
            EntryNews(entries: [try Self.entry(1, edition: 2), try Self.entry(2, edition: 2)], number: 2, since: 1))
        message.entries[0].selectors = ["moon:phase:full"]
        let news = message.parsed(in: trustDomain)
        #expect(news.removed == ["e1"] && news.entries.map(\.entry.id) == ["e2"])
    }

    /// Whose position is all that it says of its age.
    @Test func anOlderAuthoritysListKeepsItsOrder() throws {
        var message = Podshield_Authority_V1_EntryList()
        message.entries =
            Podshield_Authority_V1_EntryList(
                EntryNews(entries: try [3, 1, 2].map { try Self.entry($0, edition: 1) }, number: 0)
            ).entries
        for index in message.entries.indices { message.entries[index].createdAt = 0 }
        let news = message.parsed(in: trustDomain)
        #expect(news.since == nil && EntryIndex(news.entries).inOrder.map(\.id) == ["e3", "e1", "e2"])
    }

    @Test func aStreamThatIsFarBehindIsToldAll() async throws {
        let signals = EntrySignals()
        let entry = try NewEntry(spiffeID: id("/e"), selectors: [.userID(1)])
            .checked(in: trustDomain, id: "e1", now: start)
        let begin = await signals.news().moment
        await signals.changed([entry])
        #expect(await signals.news(since: begin).changes?.map(\.id) == ["e1"])
        let second = await signals.news().moment
        #expect(await signals.news(since: second).changes?.isEmpty == true)
        for _ in 0..<(3 * EntrySignals.mostChanges) { await signals.changed([entry]) }
        #expect(await signals.news(since: second).changes == nil)
        let late = await signals.news().moment
        await signals.lost()
        #expect(await signals.news(since: late).changes == nil)
        await signals.changed([entry])
        #expect(await signals.news(since: late).changes == nil)
        #expect(await signals.news(since: late + 1).changes?.count == 1)
    }
}
