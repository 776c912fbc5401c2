internal import PrintableText

/// Why a CA was not led on in its life. CAs are named by their fingerprints.
public enum SuccessionError: Error, Sendable, Equatable {
    case notFound(String)
    /// Several begin so.
    case ambiguous(String)
    case alreadyPrepared(String)
    case nonePrepared
    /// Not everybody may have been told of it.
    case tooEarly(seconds: Int64)
    /// It is the one that signs.
    case signs(String)
    case neverSigned(String)
    case notTainted(String)
    /// SVIDs of it would be refused.
    case inUse(String, svids: Int)
    /// Another CA has the same key: what one issued is as good as the other's.
    case sharedKey(String)
    /// The CA that signs has ended, and no other is prepared.
    case ended
    /// Only the authority above can take it out.
    case belowUpstream(String)
    case tooMany(Int)
    /// Another authority has its key.
    case foreign(String, owner: String)
    /// Another authority has taken out the CA that signs.
    case takenOut
    case authority(AuthorityError)
}

extension SuccessionError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notFound(let fingerprint): "there is no CA \(fingerprint.quoted)"
        case .ambiguous(let digits): "several CAs begin with \(digits.quoted)"
        case .alreadyPrepared(let fingerprint): "CA \(fingerprint) is prepared already; activate or revoke it first"
        case .nonePrepared: "no CA is prepared"
        case .tooEarly(let seconds):
            "the prepared CA was published just now, and not every node may know of it; wait \(seconds) s"
        case .signs(let fingerprint): "CA \(fingerprint) is the one that signs; prepare and activate another first"
        case .neverSigned(let fingerprint): "CA \(fingerprint) has signed nothing; revoke it"
        case .notTainted(let fingerprint):
            "CA \(fingerprint) is to be tainted first, so that what it issued is replaced"
        case .inUse(let fingerprint, let svids):
            "\(svids) SVIDs of CA \(fingerprint) have not been replaced, and would be refused"
        case .sharedKey(let fingerprint):
            "CA \(fingerprint) has the key of another: what it issued is good by that one; it stays until it ends"
        case .ended: "the CA that signs has ended, or the clock is wrong; nothing is issued"
        case .belowUpstream(let fingerprint):
            "CA \(fingerprint) is below a root that stays: only the authority above can take it out"
        case .tooMany(let count): "there are \(count) CAs, more are not kept; revoke one that is retired"
        case .foreign(let fingerprint, let owner):
            "CA \(fingerprint) is the authority \(owner.quoted)'s, which shares the registry: ask that one, or revoke it by force if that one is gone for good"
        case .takenOut: "another authority has taken out the CA that signs here"
        case .authority(let error): "\(error)"
        }
    }
}
