internal import Addressing
internal import Identity

/// What this node has announced on a connection, and what the peer answered.
struct OutgoingAnnouncements: Sendable {
    enum Answer: Sendable {
        case awaited
        case accepted(Acceptance)
        /// Withdrawn by us; the peer has not confirmed it.
        case withdrawing
    }

    enum Update: Sendable {
        case addresses(Set<IPAddress>)
        case renewal(X509SVID)
    }

    struct Announcement: Sendable {
        let identity: NumericIdentity
        let nonce: [UInt8]
        /// As the peer knows them.
        var svid: X509SVID
        var addresses: Set<IPAddress>
        var answer = Answer.awaited
        /// Of the last update sent; one is under way at a time.
        var generation: UInt32 = 0
        var update: Update?
        /// Packets are sealed with its SA.
        var isSwitched = false
        /// Not before, after a failure.
        var switchAt: BootNanoseconds = 0
    }

    private(set) var announcements: [UInt32: Announcement] = [:]
    /// Those that stand: neither refused nor withdrawn.
    private(set) var ids: [NumericIdentity: UInt32] = [:]
    var isCompleteSent = false
    var isCompletedReceived = false
    /// Of what is hosted, as last compared.
    var revision: UInt64 = 0
    private var lastID: UInt32 = 0
    private var seenSPIs: Set<SPI> = []
    /// Those that wait for an answer.
    private var open: Set<UInt32> = []

    var count: Int { announcements.count }

    subscript(id: UInt32) -> Announcement? {
        get { announcements[id] }
        set {
            announcements[id] = newValue
            if newValue?.isOpen == true { open.insert(id) } else { open.remove(id) }
        }
    }

    mutating func nextID() -> UInt32 {
        lastID += 1
        return lastID
    }

    mutating func add(_ id: UInt32, _ announcement: Announcement) {
        self[id] = announcement
        ids[announcement.identity] = id
    }

    mutating func withdraw(_ id: UInt32) {
        guard let identity = announcements[id]?.identity else { return }
        self[id]?.answer = .withdrawing
        ids[identity] = nil
    }

    @discardableResult
    mutating func remove(_ id: UInt32) -> Announcement? {
        guard let announcement = announcements[id] else { return nil }
        self[id] = nil
        if ids[announcement.identity] == id { ids[announcement.identity] = nil }
        return announcement
    }

    /// No SPI twice in an epoch, whatever the peer says.
    mutating func admit(_ spi: SPI) throws(LinkFailure) {
        guard seenSPIs.insert(spi).inserted else { throw .repeatedSPI(spi) }
    }

    /// Nothing that was said waits for an answer.
    var isAnswered: Bool { isCompletedReceived && open.isEmpty }
}

extension OutgoingAnnouncements.Announcement {
    var isWithdrawing: Bool {
        if case .withdrawing = answer { true } else { false }
    }

    var isAccepted: Bool {
        if case .accepted = answer { true } else { false }
    }

    /// Whether the peer owes an answer.
    var isOpen: Bool { !isAccepted || update != nil }
}

/// What a refusal leaves to try later.
struct AnnouncementRetry: Sendable {
    private(set) var failures = 0
    /// The first of them.
    private(set) var since: BootNanoseconds?
    private(set) var at: BootNanoseconds = 0
    /// Left out until then.
    private(set) var excluded: Set<IPAddress> = []
    /// Whether the workload itself, or its renewal, has to wait until then.
    private(set) var blocks = false

    mutating func fail(excluding addresses: Set<IPAddress>, timing: LinkTiming, now: BootNanoseconds) {
        let all = excluded(at: now).union(addresses)
        failures += 1
        since = since ?? now
        let delay = timing.retry.doubled(failures - 1, atMost: timing.longestBackoff)
        at = now.adding(delay)
        excluded = all
        blocks = addresses.isEmpty
    }

    /// Something has changed: a first few tries need not wait.
    mutating func hurry() {
        if failures < 5 { at = 0 }
    }

    /// On a new connection it must not wait: what is not announced there counts as given up, and the peer lets it go.
    mutating func beginAnew() { at = 0 }

    func excluded(at now: BootNanoseconds) -> Set<IPAddress> { now < at ? excluded : [] }
    func isBlocked(at now: BootNanoseconds) -> Bool { blocks && now < at }
}

extension Duration {
    /// Twice as long, `times` times.
    func doubled(_ times: Int, atMost limit: Duration) -> Duration {
        min(self * (1 << min(max(times, 0), 20)), limit)
    }
}
