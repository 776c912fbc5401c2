internal import JOSE
internal import OpenSSLBinding
internal import Synchronization

/// Asks Vault, over connections that are kept for the next request.
final class VaultClient: Sendable {
    enum Method: String {
        case get = "GET"
        case post = "POST"
    }

    private let server: VaultServer
    /// Sent with each request; nil for Vault without namespaces.
    private let namespace: String?
    private let idle = Mutex<[TLSClientStream]>([])

    private static let mostIdle = 8
    /// What is told of those in an answer, and how many characters of each.
    private static let mostErrors = 3
    private static let longestError = 200

    init(_ server: VaultServer, namespace: String?) {
        self.server = server
        self.namespace = namespace
    }

    /// Returns what Vault answers below `/v1/`; throws for every status but success.
    ///
    /// Waits up to the server's time limit. A kept connection that turns out to be closed is replaced once: no request of
    /// ours does more when it is made twice.
    func ask(
        _ method: Method, _ path: String, _ body: JSONObject? = nil, token: SecretBytes? = nil
    ) throws(VaultError) -> JSONObject {
        try ask(method, path, json: body.map { SecretBytes(Array(JSONValue.object($0).encoded.utf8)) }, token: token)
    }

    /// The same with a body that has a secret in it.
    func ask(
        _ method: Method, _ path: String, json body: SecretBytes?, token: SecretBytes? = nil
    ) throws(VaultError) -> JSONObject {
        let deadline = ContinuousClock.now + server.timeLimit
        let request = request(method, path, body, token)
        let response: HTTPResponse
        if let kept = idle.withLock({ $0.popLast() }), let answer = try? exchange(request, on: kept, deadline) {
            response = answer
        } else {
            response = try exchange(request, on: TLSClientStream(to: server, until: deadline), deadline)
        }
        return try Self.result(of: response)
    }

    private func exchange(
        _ request: SecretBytes, on stream: TLSClientStream, _ deadline: ContinuousClock.Instant
    ) throws(VaultError) -> HTTPResponse {
        try stream.send(request, until: deadline)
        var received: [UInt8] = []
        while true {
            let bytes = try stream.receive(until: deadline)
            received += bytes
            guard let response = try HTTPResponse.read(received, isAll: bytes.isEmpty) else { continue }
            if response.staysOpen { keep(stream) }
            return response
        }
    }

    private func keep(_ stream: TLSClientStream) {
        idle.withLock { if $0.count < Self.mostIdle { $0.append(stream) } }
    }

    private func request(
        _ method: Method, _ path: String, _ body: SecretBytes?, _ token: SecretBytes?
    ) -> SecretBytes {
        let content = body ?? SecretBytes([])
        var head = "\(method.rawValue) /v1/\(path) HTTP/1.1\r\nHost: \(server.authority)\r\nX-Vault-Request: true\r\n"
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
        String(text.split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(longestError))
    }
}
