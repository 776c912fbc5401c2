/// When the keys that an authority signs with, its CAs' and those for JWT-SVIDs, are made, used and given up. Each is
/// published long before it signs and until the last that it signed has ended, which is when it ends itself.
public struct KeySchedule: Sendable {
    /// A key as the schedule sees it.
    public struct Key: Sendable, Equatable {
        public enum State: String, Sendable {
            /// Published, and not signed with yet.
            case prepared
            /// The one that is signed with.
            case active
            /// Published for what it signed and is still about.
            case retired
        }

        public let id: String
        public var state: State
        /// Seconds since 1970.
        public let preparedAt: Int64
        public let notAfter: Int64

        public init(id: String, state: State, preparedAt: Int64, notAfter: Int64) {
            self.id = id
            self.state = state
            self.preparedAt = preparedAt
            self.notAfter = notAfter
        }

        /// Seconds from when it is published until it ends.
        fileprivate var lifetime: Int64 { notAfter - preparedAt }

        fileprivate func hasLeft(_ share: Int64, at now: Int64) -> Bool {
            notAfter - now <= lifetime / share || isAhead(of: now)
        }

        /// A clock far ahead made it. It would be led on only when that time has come.
        private func isAhead(of now: Int64) -> Bool { preparedAt - now > lifetime }
    }

    public enum Step: Sendable, Equatable {
        /// A new key, to be used at once when there is no other.
        case make(Key.State)
        /// The key that was prepared takes over; the active one retires.
        case activate(id: String)
        /// Nothing that it signed is good any more.
        case remove(id: String)
    }

    /// What is due now. At most one key is active and one prepared.
    public static func steps(for keys: [Key], now: Int64) -> [Step] {
        let ended = keys.filter { $0.notAfter <= now }
        return ended.map { .remove(id: $0.id) } + succession(keys.filter { $0.notAfter > now }, now)
    }

    /// Prepared at half life, active with a sixth left.
    private static func succession(_ keys: [Key], _ now: Int64) -> [Step] {
        let prepared = keys.first { $0.state == .prepared }
        guard let active = keys.first(where: { $0.state == .active }) else {
            return [prepared.map { .activate(id: $0.id) } ?? .make(.active)]
        }
        guard let prepared else { return active.hasLeft(2, at: now) ? [.make(.prepared)] : [] }
        return active.hasLeft(6, at: now) && isKnown(prepared, now) ? [.activate(id: prepared.id)] : []
    }

    /// An authority that was away while it should have prepared a key gives consumers of the bundle time to see it, as long as
    /// the active one lasts.
    private static func isKnown(_ prepared: Key, _ now: Int64) -> Bool {
        now - prepared.preparedAt >= prepared.lifetime / 12
    }
}
