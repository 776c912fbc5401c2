internal import HTTPSClient
internal import JOSE
internal import OpenSSLBinding
internal import PrintableText

/// Asks Vault.
final class VaultClient: Sendable {
    enum Method: String {
        case get = "GET"
        case post = "POST"
    }

    private let connections: HTTPSConnections
    /// Sent with each request; nil for Vault without namespaces.
    private let namespace: String?
    /// What is told of those in an answer, and how many characters of each.
    private static let mostErrors = 3
    private static let longestError = 200

    init(_ server: HTTPSServer, namespace: String?) {
        connections = HTTPSConnections(server)
        self.namespace = namespace
    }

    /// Returns what Vault answers below `/v1/`; throws for every status but success. Waits up to the server's time limit. Every
    /// request of ours may be made twice.
    func ask(
        _ method: Method, _ path: String, _ body: JSONObject? = nil, token: SecretBytes? = nil
    ) throws(VaultError) -> JSONObject {
        try ask(method, path, json: body.map { SecretBytes(Array(JSONValue.object($0).encoded.utf8)) }, token: token)
    }

    /// The same with a body that has a secret in it.
    func ask(
        _ method: Method, _ path: String, json body: SecretBytes?, token: SecretBytes? = nil
    ) throws(VaultError) -> JSONObject {
        let response: HTTPResponse
        do throws(HTTPSError) {
            response = try connections.answer(to: request(method, path, body, token))
        } catch {
            throw VaultError(error)
        }
        return try Self.result(of: response)
    }

    private func request(
        _ method: Method, _ path: String, _ body: SecretBytes?, _ token: SecretBytes?
    ) -> SecretBytes {
        let content = body ?? SecretBytes([])
        var head =
            "\(method.rawValue) /v1/\(path) HTTP/1.1\r\nHost: \(connections.server.authority)\r\nX-Vault-Request: true\r\n"
        if let namespace { head += "X-Vault-Namespace: \(namespace)\r\n" }
        if body != nil { head += "Content-Type: application/json\r\n" }
        head += "Content-Length: \(content.count)\r\n"
        return SecretBytes(joining: [
            SecretBytes(Array(head.utf8)), Self.field(token), SecretBytes(Array("\r\n".utf8)), content,
        ])
    }

    private static func field(_ token: SecretBytes?) -> SecretBytes {
        guard let token else { return SecretBytes([]) }
        return SecretBytes(joining: [
            SecretBytes(Array("X-Vault-Token: ".utf8)), token, SecretBytes(Array("\r\n".utf8)),
        ])
    }

    private static func result(of response: HTTPResponse) throws(VaultError) -> JSONObject {
        let value = response.body.isEmpty ? JSONValue.object(JSONObject()) : try? JSONReader.read(response.body)
        guard (200...299).contains(response.status) else {
            let errors = value?.object?["errors"]?.elements ?? []
            throw .status(response.status, errors.compactMap(\.text).prefix(mostErrors).map(oneLine))
        }
        guard let object = value?.object else { throw .badAnswer("it is no JSON object") }
        return object
    }

    /// It goes into the journal.
    private static func oneLine(_ text: String) -> String {
        String(text.split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(longestError)).printable
    }
}
