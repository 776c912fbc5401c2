import Issuance
import Testing

struct KeyScheduleTests {
    private typealias Key = KeySchedule.Key

    private static let day: Int64 = 86400

    /// One that was made at 0 and lives for a day.
    private func key(_ id: String, _ state: Key.State, madeAt: Int64 = 0) -> Key {
        Key(id: id, state: state, preparedAt: madeAt, notAfter: madeAt + Self.day)
    }

    @Test func theFirstKeyIsUsedAtOnce() {
        #expect(KeySchedule.steps(for: [], now: 0) == [.make(.active)])
    }

    @Test func aKeyIsPreparedAtHalfLife() {
        let active = key("a", .active)
        #expect(KeySchedule.steps(for: [active], now: Self.day / 2 - 1) == [])
        #expect(KeySchedule.steps(for: [active], now: Self.day / 2) == [.make(.prepared)])
    }

    @Test func aPreparedKeyTakesOverWithASixthLeft() {
        let keys = [key("a", .active), key("b", .prepared, madeAt: Self.day / 2)]
        #expect(KeySchedule.steps(for: keys, now: Self.day * 5 / 6 - 1) == [])
        #expect(KeySchedule.steps(for: keys, now: Self.day * 5 / 6) == [.activate(id: "b")])
    }

    @Test func aKeyPreparedLateIsKnownBeforeItIsUsed() {
        let late = Self.day * 11 / 12
        let keys = [key("a", .active), key("b", .prepared, madeAt: late - 60)]
        #expect(KeySchedule.steps(for: keys, now: late) == [])
        #expect(KeySchedule.steps(for: keys, now: late + Self.day / 12 - 61) == [])
        #expect(KeySchedule.steps(for: keys, now: late + Self.day / 12 - 60) == [.activate(id: "b")])
    }

    @Test func whatHasEndedIsRemovedAndReplaced() {
        #expect(
            KeySchedule.steps(for: [key("a", .active), key("b", .prepared, madeAt: 1)], now: Self.day)
                == [.remove(id: "a"), .activate(id: "b")])
        #expect(
            KeySchedule.steps(for: [key("a", .retired)], now: Self.day) == [.remove(id: "a"), .make(.active)])
    }

    /// A clock that was set back changes nothing that is held.
    @Test func aClockSetBackGivesNothingUp() {
        let keys = [key("a", .active), key("b", .prepared, madeAt: Self.day / 2)]
        #expect(KeySchedule.steps(for: keys, now: -10 * Self.day) == [])
    }

    /// F-1. Weeks of it, looked at every so many seconds: one key signs at any time; each was published for hours before its first
    /// token, and stays until its last one has ended.
    @Test(arguments: [30, 600, 3600, 4 * 3600] as [Int64])
    func keysFollowOneAnother(_ pause: Int64) throws {
        var keys: [Key] = []
        var seen: Set<String> = []
        for now in stride(from: 0, through: 21 * Self.day, by: Int64.Stride(pause)) {
            let signed = keys.first { $0.state == .active }
            perform(KeySchedule.steps(for: keys, now: now), on: &keys, now)
            let active = keys.filter { $0.state == .active }
            try #require(active.count == 1 && keys.filter { $0.state == .prepared }.count <= 1 && keys.count <= 3)
            if let signed, signed.notAfter > now { #expect(keys.contains { $0.id == signed.id }) }
            if active[0].id != signed?.id, now > 0 { #expect(now - active[0].preparedAt >= Self.day / 12) }
            #expect(active[0].notAfter - now >= Self.day / 6 - pause)
            seen.insert(active[0].id)
        }
        #expect(seen.count > 21)
    }

    private func perform(_ steps: [KeySchedule.Step], on keys: inout [Key], _ now: Int64) {
        for step in steps {
            switch step {
            case .make(let state): keys.append(key("\(now)", state, madeAt: now))
            case .activate(let id):
                for index in keys.indices where keys[index].state == .active { keys[index].state = .retired }
                for index in keys.indices where keys[index].id == id { keys[index].state = .active }
            case .remove(let id): keys.removeAll { $0.id == id }
            }
        }
    }
}
