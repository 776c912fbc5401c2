import Testing

@testable import WorkloadAPI

/// Who has to go when all places are taken.
@Suite struct PlacesTests {
    private func places(_ number: Int, perSource: Int = 1000) -> Places {
        var limits = WorkloadAPILimits()
        (limits.places, limits.placesPerSource) = (number, perSource)
        return Places(limits)
    }

    private func user(_ number: UInt32) -> Caller.Source { .user(number, unit: nil) }

    /// The numbers of so many connections.
    private func fill(
        _ places: inout Places, _ source: Caller.Source, _ count: Int, known: Bool = false
    ) -> [UInt64] {
        (0..<count).map { _ in
            let (number, answer) = places.connect(source)
            #expect(answer == .taken(displaced: nil))
            if known { places.know(number) }
            return number
        }
    }

    @Test func theOneThatWaitsLongestWithoutAnIdentityGoes() {
        var places = places(4)
        let known = fill(&places, user(1), 1, known: true)
        let strangers = fill(&places, user(2), 3)
        #expect(places.connect(user(3)).1 == .taken(displaced: strangers[0]))
        places.know(strangers[1])
        #expect(places.connect(user(1)).1 == .taken(displaced: strangers[2]))
        #expect(places.taken == 4 && places.count == 4)
        places.disconnect(known[0])
        #expect(places.connect(user(4)).1 == .taken(displaced: nil))
    }

    /// However many come at once, each has the time that it takes to fill a quarter.
    @Test func aQuarterIsForThoseThatAreNotKnownYet() {
        var places = places(16)
        let known = fill(&places, user(1), 16, known: true)
        let newcomers = (0..<4).map { _ in places.connect(user(2)) }
        #expect(newcomers.map(\.1) == known.suffix(4).reversed().map { .taken(displaced: $0) })
        #expect(places.connect(user(3)).1 == .taken(displaced: newcomers[0].0))
        #expect(places.connect(user(3)).1 == .taken(displaced: newcomers[1].0))
    }

    @Test func whoHasMostGivesToWhoHasLess() {
        var places = places(8)
        _ = fill(&places, user(1), 2, known: true)
        let most = fill(&places, user(2), 6, known: true)
        let newcomer = places.connect(user(3))
        #expect(newcomer.1 == .taken(displaced: most[5]))
        places.know(newcomer.0)
        #expect(places.connect(user(1)).1 == .taken(displaced: most[4]))
    }

    @Test func thoseThatHaveAsMuchGiveNothing() {
        var places = places(4)
        for number in 1...4 { _ = fill(&places, user(UInt32(number)), 1, known: true) }
        #expect(places.connect(user(5)).1 == .refused(displaced: nil))
        #expect(places.connect(user(1)).1 == .refused(displaced: nil))
        #expect(places.taken == 4)
    }

    @Test func callsTakePlacesToo() {
        var places = places(8, perSource: 4)
        let number = fill(&places, user(1), 1)[0]
        for _ in 0..<3 { #expect(places.call(number) == .taken(displaced: nil)) }
        #expect(places.call(number) == .refused(displaced: nil))
        #expect(places.connect(user(1)).1 == .refused(displaced: nil))
        places.endCall(number)
        #expect(places.call(number) == .taken(displaced: nil))
        let other = fill(&places, user(2), 1)[0]
        for _ in 0..<3 { #expect(places.call(other) == .taken(displaced: nil)) }
        #expect(places.connect(user(3)).1 == .taken(displaced: number))
        #expect(places.taken == 5)
        #expect(places.call(number) == .refused(displaced: nil))
        places.endCall(number)
        places.disconnect(number)
        places.disconnect(other)
        #expect(places.taken == 1)
    }

    /// It would have to go for its own call.
    @Test func theOldestGoesWhenItAsksForMore() {
        var places = places(2)
        let oldest = fill(&places, user(1), 1)[0]
        let newest = fill(&places, user(2), 1)[0]
        #expect(places.call(oldest) == .refused(displaced: oldest))
        #expect(places.call(newest) == .taken(displaced: nil))
    }

    @Test func whoComesAndGoesLeavesNothingBehind() {
        var places = places(4)
        let stays = fill(&places, user(1), 1)[0]
        for _ in 0..<1000 {
            let number = fill(&places, user(2), 1)[0]
            #expect(places.call(number) == .taken(displaced: nil))
            places.disconnect(number)
        }
        #expect(places.taken == 1)
        _ = fill(&places, user(3), 3)
        #expect(places.connect(user(4)).1 == .taken(displaced: stays))
    }
}
