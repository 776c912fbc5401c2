internal import PrintableText

/// What one follows another of, in words.
public protocol Successive: Sendable {
    static var one: String { get }
    static var several: String { get }
    /// What is to be done about the one that signs.
    static var adviceOnSigning: String { get }
}

/// The certificates that SVIDs are issued below, named by their fingerprints.
public enum CASuccession: Successive {
    public static let one = "CA"
    public static let several = "CAs"
    public static let adviceOnSigning = "prepare and activate another first"
}

/// The keys that JWT-SVIDs are signed with, named by their IDs.
public enum JWTKeySuccession: Successive {
    public static let one = "key"
    public static let several = "keys for JWT-SVIDs"
    public static let adviceOnSigning =
        "prepare and activate another first, or revoke it by force if it is in other hands"
}

public typealias SuccessionError = StepError<CASuccession>
public typealias JWTKeyError = StepError<JWTKeySuccession>

/// Why one was not led on in its life.
public enum StepError<Kind: Successive>: Error, Sendable, Equatable {
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
    /// Its private half is not there.
    case lost(String)
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
    /// Another authority has it.
    case foreign(String, owner: String)
    /// Another authority has taken out the CA that signs.
    case takenOut
    /// The authority above has revoked it.
    case takenBack(String)
    case authority(AuthorityError)
}

extension StepError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notFound(let name): "there is no \(Kind.one) \(name.quoted)"
        case .ambiguous(let beginning): "several \(Kind.several) begin with \(beginning.quoted)"
        case .alreadyPrepared(let name): "\(Kind.one) \(name) is prepared already; activate or revoke it first"
        case .nonePrepared: "no \(Kind.one) is prepared"
        case .tooEarly(let seconds):
            "the prepared \(Kind.one) was published just now, and not every node may know of it; wait \(seconds) s"
        case .signs(let name): "\(Kind.one) \(name) is the one that signs; \(Kind.adviceOnSigning)"
        case .neverSigned(let name): "\(Kind.one) \(name) has signed nothing; revoke it"
        case .lost(let name): "the private half of \(Kind.one) \(name) is not there; revoke it and prepare another"
        case .notTainted(let name):
            "\(Kind.one) \(name) is to be tainted first, so that what it signed is replaced"
        case .inUse(let name, let svids):
            "\(svids) SVIDs of \(Kind.one) \(name) have not been replaced, and would be refused"
        case .sharedKey(let name):
            "\(Kind.one) \(name) has the key of another: what it issued is good by that one; it stays until it ends"
        case .ended: "the \(Kind.one) that signs has ended, or the clock is wrong; nothing is issued"
        case .belowUpstream(let name):
            "\(Kind.one) \(name) is below a root that stays: only the authority above can take it out"
        case .tooMany(let count): "there are \(count) \(Kind.several), more are not kept; revoke one that is retired"
        case .foreign(let name, let owner):
            "\(Kind.one) \(name) is the authority \(owner.quoted)'s, which shares the registry: ask that one, or revoke it by force if that one is gone for good"
        case .takenOut: "another authority has taken out the \(Kind.one) that signs here"
        case .takenBack(let name):
            "\(Kind.one) \(name) is revoked by the authority above: what it issued is refused by who reads its lists; activate the next"
        case .authority(let error): "\(error)"
        }
    }
}
