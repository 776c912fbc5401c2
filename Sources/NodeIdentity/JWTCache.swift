internal import AuthorityAPI
internal import Identity
internal import JOSE

/// JWT-SVIDs that can be given out again: a bounded number, for the first half of their lives. Later they are what is left while
/// the authority is away.
struct JWTCache {
    /// Whose a token is.
    enum Subject: Hashable {
        case pod(PodName)
        case entry(id: String)
    }

    struct Key: Hashable {
        let subject: Subject
        let audience: JWTAudience
    }

    private struct Held {
        let svid: JWTSVID
        var usedAt: UInt64
    }

    private var held: [Key: Held] = [:]
    /// Counts uses.
    private var uses: UInt64 = 0
    private let most: Int

    init(most: Int = 1024) { self.most = most }

    /// A token in the first half of its life. One from the future says that the clock was set back, and is passed over.
    mutating func fresh(_ key: Key, now: Int64) -> JWTSVID? {
        guard let svid = held[key]?.svid, let issuedAt = svid.issuedAt,
            (issuedAt - JWTSVIDVerifier.leeway..<issuedAt + (svid.expiresAt - issuedAt + 1) / 2).contains(now)
        else { return nil }
        use(key)
        return svid
    }

    /// A token that is still good.
    func last(_ key: Key, now: Int64) -> JWTSVID? {
        held[key].flatMap { $0.svid.expiresAt > now ? $0.svid : nil }
    }

    /// Makes room by what has expired, else by what was not used for longest.
    mutating func insert(_ svid: JWTSVID, for key: Key, now: Int64) {
        if held[key] == nil, held.count >= most {
            held = held.filter { $0.value.svid.expiresAt > now }
            if held.count >= most, let oldest = held.min(by: { $0.value.usedAt < $1.value.usedAt }) {
                held[oldest.key] = nil
            }
        }
        held[key] = Held(svid: svid, usedAt: 0)
        use(key)
    }

    mutating func remove(_ subject: Subject) { held = held.filter { $0.key.subject != subject } }

    mutating func remove(entries: Set<String>) {
        held = held.filter { if case .entry(let id) = $0.key.subject { !entries.contains(id) } else { true } }
    }

    /// Those of keys that are published, and that nothing is said against.
    mutating func keepOnly(signedBy bundle: JWTBundle) {
        held = held.filter { bundle.isInForce(keyID: $0.value.svid.keyID) }
    }

    var count: Int { held.count }

    private mutating func use(_ key: Key) {
        uses += 1
        held[key]?.usedAt = uses
    }
}
