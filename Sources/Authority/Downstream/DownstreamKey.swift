internal import Foundation
internal import Issuance
internal import JOSE
internal import OpenSSLBinding
internal import SPIREAPI

/// The public half of a key with which an authority below signs JWT-SVIDs.
struct DownstreamKey: Sendable, Equatable {
    let authority: JWTAuthority
    /// Seconds since 1970.
    let notAfter: Int64

    /// Seconds that the clock of who asks may be ahead.
    private static let clockDifference: Int64 = 60

    /// - Parameters:
    ///   - message: of who asks.
    ///   - lifetime: that it may have from now on, at most.
    init(_ message: Spire_Api_Types_JWTKey, lifetime: Duration, now: Int64) throws(CallRefusal) {
        guard let authority = JWTAuthority(keyID: message.keyID, pkix: Array(message.publicKey)) else {
            throw .malformed(
                "a key for JWT-SVIDs is on the curve P-256, P-384 or P-521, in DER, and its ID has 1 to \(JWTAuthority.longestKeyID) printable characters"
            )
        }
        guard !message.tainted else { throw .malformed("a key that is tainted is not published") }
        guard message.expiresAt > now else { throw .malformed("the key has ended, or does not say when it ends") }
        let seconds = lifetime.components.seconds
        guard message.expiresAt - now <= seconds + Self.clockDifference else {
            throw .malformed("the key lasts for longer than \(seconds) seconds (downstream.ca-lifetime)")
        }
        self.authority = authority
        notAfter = message.expiresAt
    }
}

extension PublishedKey {
    var message: Spire_Api_Types_JWTKey {
        var message = Spire_Api_Types_JWTKey()
        message.publicKey = Data(authority.key.subjectPublicKeyInfo)
        message.keyID = authority.keyID
        message.expiresAt = notAfter
        message.tainted = authority.isTainted
        return message
    }
}
