public import HTTPSClient
internal import JOSE
public import OpenSSLBinding

/// Asks a cluster's API whose a token is.
public struct TokenReviewer: Sendable {
    private let connections: HTTPSConnections
    private let audience: String
    private let credentials: @Sendable () throws(TokenReviewError) -> SecretBytes

    /// Most bytes of a token that is shown to the cluster.
    public static let longestToken = 16384
    private static let path = "/apis/authentication.k8s.io/v1/tokenreviews"

    /// - Parameters:
    ///   - audience: whom the tokens have to be for.
    ///   - credentials: reads the authority's own token, anew for each review: clusters exchange it every hour.
    public init(
        _ server: HTTPSServer, audience: String,
        credentials: @escaping @Sendable () throws(TokenReviewError) -> SecretBytes
    ) {
        connections = HTTPSConnections(server)
        self.audience = audience
        self.credentials = credentials
    }

    /// Waits for the cluster, up to its time limit.
    package func review(_ token: String) throws(TokenReviewError) -> TokenReview {
        guard Self.isToken(token) else { throw .noToken }
        let request = request(token, as: try credentials())
        let response: HTTPResponse
        do throws(HTTPSError) { response = try connections.answer(to: request) } catch {
            throw TokenReviewError(error)
        }
        guard response.status == 201 || response.status == 200 else { throw .status(response.status) }
        guard let answer = try? JSONReader.read(response.body) else { throw .badAnswer("it is no JSON") }
        return try TokenReview(answer: answer, audience: audience)
    }

    private func request(_ token: String, as own: SecretBytes) -> SecretBytes {
        let body = Array(JSONValue.object(TokenReview.request(token: token, audience: audience)).encoded.utf8)
        let head = """
            POST \(Self.path) HTTP/1.1\r
            Host: \(connections.server.authority)\r
            Accept: application/json\r
            Content-Type: application/json\r
            Content-Length: \(body.count)\r
            Authorization: Bearer\u{20}
            """
        return SecretBytes(joining: [
            SecretBytes(Array(head.utf8)), own, SecretBytes(Array("\r\n\r\n".utf8)), SecretBytes(body),
        ])
    }

    /// Three parts of base64url, as every token of a service account (RFC 7519).
    private static func isToken(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return text.utf8.count <= longestToken && parts.count == 3
            && parts.allSatisfy { part in !part.isEmpty && part.allSatisfy(isBase64URL) }
    }

    private static func isBase64URL(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
