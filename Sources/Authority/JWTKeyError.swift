internal import PrintableText

/// Why a key for JWT-SVIDs was not led on in its life. Keys are named by their IDs.
public enum JWTKeyError: Error, Sendable, Equatable {
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
    case tooMany(Int)
    /// Another authority has it.
    case foreign(String, owner: String)
    case authority(AuthorityError)
}

extension JWTKeyError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notFound(let keyID): "there is no key \(keyID.quoted) for JWT-SVIDs"
        case .ambiguous(let beginning): "several keys for JWT-SVIDs begin with \(beginning.quoted)"
        case .alreadyPrepared(let keyID): "key \(keyID) is prepared already; activate or revoke it first"
        case .nonePrepared: "no key for JWT-SVIDs is prepared"
        case .tooEarly(let seconds):
            "the prepared key was published just now, and not every node may know of it; wait \(seconds) s"
        case .signs(let keyID):
            "key \(keyID) is the one that signs; prepare and activate another first, or revoke it by force if it is in other hands"
        case .neverSigned(let keyID): "key \(keyID) has signed nothing; revoke it"
        case .notTainted(let keyID): "key \(keyID) is to be tainted first, so that what it signed is given out no more"
        case .tooMany(let count): "there are \(count) keys for JWT-SVIDs, more are not kept; revoke one that is retired"
        case .foreign(let keyID, let owner):
            "key \(keyID) is the authority \(owner.quoted)'s, which shares the registry: ask that one, or revoke it by force"
        case .authority(let error): "\(error)"
        }
    }
}
