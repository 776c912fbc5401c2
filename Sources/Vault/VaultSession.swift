internal import JOSE
internal import OpenSSLBinding
internal import Synchronization

/// Requests with a token that is renewed at half of its life, and had anew when Vault no longer takes it.
final class VaultSession: Sendable {
    private let client: VaultClient
    private let login: VaultLogin
    private let held = Mutex<Token?>(nil)
    private let lastRefusal = Mutex<Refusal?>(nil)

    private struct Token {
        let secret: SecretBytes
        /// Nil for one that cannot be renewed or never ends.
        var renewAt: ContinuousClock.Instant?
    }

    /// Vault locks a role out that is shown wrong secret IDs again and again, five within 15 minutes by default.
    private struct Refusal {
        let secretID: SecretBytes
        let at: ContinuousClock.Instant
        let error: VaultError

        func holds(for other: SecretBytes) -> Bool {
            ContinuousClock.now < at + .seconds(300) && SecretBytes.constantTimeEqual(secretID, other)
        }
    }

    init(_ client: VaultClient, _ login: VaultLogin) {
        self.client = client
        self.login = login
    }

    func ask(
        _ method: VaultClient.Method, _ path: String, _ body: JSONObject? = nil
    ) throws(VaultError) -> JSONObject {
        let token = try current()
        do throws(VaultError) {
            return try client.ask(method, path, body, token: token.secret)
        } catch .status(403, let errors) {
            forget(token)
            // Once, with another token; the same again would tell nothing new.
            let fresh = try current()
            guard !SecretBytes.constantTimeEqual(fresh.secret, token.secret) else { throw .status(403, errors) }
            return try client.ask(method, path, body, token: fresh.secret)
        } catch {
            throw error
        }
    }

    /// Renews the token when that is due.
    func keepReady() throws(VaultError) {
        let token = try current()
        guard let renewAt = token.renewAt, ContinuousClock.now >= renewAt else { return }
        do throws(VaultError) {
            let answer = try client.ask(.post, "auth/token/renew-self", JSONObject(), token: token.secret)
            held.withLock { $0 = Token(secret: token.secret, renewAt: Self.renewal(answer["auth"]?.object)) }
        } catch {
            if case .status = error { forget(token) }
            throw error
        }
    }

    private func current() throws(VaultError) -> Token {
        if let token = held.withLock({ $0 }) { return token }
        let token = try newToken()
        held.withLock { $0 = token }
        return token
    }

    private func forget(_ token: Token) {
        held.withLock { held in
            if held?.secret === token.secret { held = nil }
        }
    }

    private func newToken() throws(VaultError) -> Token {
        switch login {
        case .token(let read):
            let secret = try Self.secret(read)
            let answer = try client.ask(.get, "auth/token/lookup-self", token: secret)
            return Token(secret: secret, renewAt: Self.renewal(answer["data"]?.object))
        case .appRole(let mount, let roleID, let read):
            return try logIn(mount, roleID, try Self.secret(read))
        }
    }

    private func logIn(_ mount: String, _ roleID: String, _ secretID: SecretBytes) throws(VaultError) -> Token {
        if let last = lastRefusal.withLock({ $0 }), last.holds(for: secretID) { throw last.error }
        do throws(VaultError) {
            return try Self.token(of: try client.ask(.post, "auth/\(mount)/login", json: Self.proof(roleID, secretID)))
        } catch .status(let status, let errors) where [400, 403].contains(status) {
            let error = VaultError.loginRefused(errors)
            lastRefusal.withLock { $0 = Refusal(secretID: secretID, at: .now, error: error) }
            throw error
        } catch {
            throw error
        }
    }

    private static func proof(_ roleID: String, _ secretID: SecretBytes) -> SecretBytes {
        let role = JSONValue.string(roleID).encoded
        return SecretBytes(joining: [
            SecretBytes(Array(#"{"role_id":\#(role),"secret_id":""#.utf8)), secretID, SecretBytes(Array(#""}"#.utf8)),
        ])
    }

    private static func token(of answer: JSONObject) throws(VaultError) -> Token {
        guard let auth = answer["auth"]?.object, let token = auth["client_token"]?.text else {
            throw .badAnswer("a login without a token")
        }
        return Token(secret: SecretBytes(Array(token.utf8)), renewAt: renewal(auth))
    }

    /// Half of what is left. Vault calls it `ttl` of a token, `lease_duration` of a login or renewal.
    private static func renewal(_ facts: JSONObject?) -> ContinuousClock.Instant? {
        guard let facts, case .bool(true) = facts["renewable"],
            let seconds = (facts["lease_duration"] ?? facts["ttl"])?.integer, seconds > 0
        else { return nil }
        return .now + .seconds(seconds) / 2
    }

    private static func secret(_ read: () throws(VaultSecretError) -> SecretBytes) throws(VaultError) -> SecretBytes {
        let secret: SecretBytes
        do throws(VaultSecretError) { secret = try read() } catch { throw .credentials(error.reason) }
        // It stands in a line of a request, or between quotation marks.
        let isPrintable = unsafe secret.withUnsafeBytes { bytes in
            unsafe !bytes.isEmpty && bytes.allSatisfy { (0x21...0x7e).contains($0) && !#""\"#.utf8.contains($0) }
        }
        guard isPrintable else { throw .credentials("they are empty or have characters that no token has") }
        return secret
    }
}
