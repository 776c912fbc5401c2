public import Identity

/// A JWT-SVID of which it is known who signed it: `JWTSVIDVerifier` has verified that, or it was signed here. The token was good for
/// one audience at one time.
public struct JWTSVID: Sendable {
    public let id: SPIFFEID
    /// All that the token is for, as it says.
    public let audience: [String]
    /// Seconds since 1970 from which on it is worth nothing.
    public let expiresAt: Int64
    /// Seconds since 1970; nil when it does not say.
    public let issuedAt: Int64?
    public let keyID: String
    public let claims: JSONObject
    /// Whoever has it can show it until `expiresAt`: not for logs.
    public let token: String
}

extension JWTSVID: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Without the token.
    public var description: String { "JWT-SVID of \(id) until \(expiresAt)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
