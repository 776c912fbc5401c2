import Identity
import Testing

@testable import NodeIdentity

@Suite struct IdentityChangesTests {
    private let changes = IdentityChanges()

    /// Whether it has been told since it was asked last. One that was not tells nothing any more.
    private func isTold(_ watch: IdentityWatch) async -> Bool {
        let next = Task {
            var iterator = watch.changes.makeAsyncIterator()
            return await iterator.next() != nil
        }
        let end = Task {
            // What is told is there at once.
            try await Task.sleep(for: .milliseconds(200))
            next.cancel()
        }
        defer { end.cancel() }
        return await next.value
    }

    private func watch(following entries: Set<String> = []) async -> IdentityWatch {
        let watch = changes.watch()
        #expect(await isTold(watch), "a watch begins with a look")
        watch.follow(entries)
        return watch
    }

    @Test func whatEverybodyLooksAtIsToldToEverybody() async {
        let watches = [await watch(), await watch(following: ["a"])]
        changes.send()
        for watch in watches { #expect(await isTold(watch)) }
    }

    @Test func anSVIDIsToldToWhoFollowsIt() async {
        let (one, both, none) = (
            await watch(following: ["a"]), await watch(following: ["a", "b"]), await watch()
        )
        changes.send(svidOf: "b")
        #expect(await isTold(both))
        changes.send(svidOf: "a")
        #expect(await isTold(both))
        #expect(await isTold(one))
        #expect(await !isTold(none))
        changes.send(svidOf: "b")
        #expect(await !isTold(one))
    }

    @Test func whatIsFollowedTakesThePlaceOfWhatWas() async {
        let watch = await watch(following: ["a", "b"])
        watch.follow(["b", "c"])
        for entry in ["b", "c"] {
            changes.send(svidOf: entry)
            #expect(await isTold(watch))
        }
        changes.send(svidOf: "a")
        #expect(await !isTold(watch))
    }

    @Test func whoHasGoneIsForgotten() async throws {
        let stays = await watch(following: ["a"])
        do {
            let gone = await watch(following: ["a"])
            #expect(await !isTold(gone))
            gone.follow(["b"])
        }
        changes.send(svidOf: "a")
        #expect(await isTold(stays))
        #expect(changes.followed == ["a"])
    }
}
