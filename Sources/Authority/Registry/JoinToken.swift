internal import Foundation
internal import OpenSSLBinding

/// A one-time secret with which one node may join: 256 random bits, written in base64url. The registry keeps its hash.
struct JoinToken: Sendable {
    let text: String
    /// SHA-256 of the text.
    var hash: Data { Data(SHA256Digest.hash(Array(text.utf8))) }

    static let longest = 128

    /// A token that somebody presented, whatever it is.
    init?(presented text: String) {
        guard (1...Self.longest).contains(text.utf8.count) else { return nil }
        self.text = text
    }

    private init(text: String) { self.text = text }

    static func generate() throws(OpenSSLError) -> JoinToken {
        let base64 = Data(try RandomBytes.make(32)).base64EncodedString()
        return JoinToken(text: base64.filter { $0 != "=" }.replacing("+", with: "-").replacing("/", with: "_"))
    }
}
