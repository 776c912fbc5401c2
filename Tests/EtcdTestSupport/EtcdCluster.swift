public import Etcd
import Foundation
import Glibc
import KernelTestSupport

/// A real etcd on loopback, which wants a certificate of its clients. Ends with the object.
public final class EtcdCluster: @unchecked Sendable {
    private let directory: TemporaryDirectory
    private var programs: [RunningProgram] = []
    private let ports: [(client: UInt16, peer: UInt16)]
    private let quota: Int?

    /// Returns once it answers.
    ///
    /// - Parameter quota: bytes that the store of each may have; etcd's own default if there is none.
    public init(members count: Int = 1, quota: Int? = nil) throws {
        self.quota = quota
        directory = try TemporaryDirectory()
        ports = try (0..<count).map { _ in (try freePort(), try freePort()) }
        try makeCertificates()
        for member in 0..<count { programs.append(try program(member, isNew: true)) }
        try Self.wait { try self.etcdctl("endpoint", "health", "--cluster") }
    }

    /// Roots, ours, and a certificate that etcd does not know.
    private func makeCertificates() throws {
        for ca in ["ca", "stranger-ca"] {
            try openssl(
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                "\(ca).key", "-out", "\(ca).pem", "-subj", "/CN=\(ca)", "-days", "2")
        }
        try issue("server", by: "ca", "subjectAltName=IP:127.0.0.1", "extendedKeyUsage=serverAuth,clientAuth")
        try issue("client", by: "ca", "extendedKeyUsage=clientAuth")
        try issue("stranger", by: "stranger-ca", "extendedKeyUsage=clientAuth")
    }

    private func issue(_ name: String, by ca: String, _ extensions: String...) throws {
        try openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "\(name).key",
            "-out", "\(name).csr", "-subj", "/CN=\(name)")
        try extensions.joined(separator: "\n").write(toFile: path("\(name).ext"), atomically: true, encoding: .utf8)
        try openssl(
            "x509", "-req", "-in", "\(name).csr", "-CA", "\(ca).pem", "-CAkey", "\(ca).key", "-CAcreateserial", "-days",
            "2", "-extfile", "\(name).ext", "-out", "\(name).pem")
    }

    private func openssl(_ words: String...) throws {
        try Command.run(["sh", "-c", "cd \"$0\" && exec \"$@\"", directory.path, "openssl"] + words)
    }

    private func path(_ name: String) -> String { "\(directory.path)/\(name)" }

    private func program(_ member: Int, isNew: Bool) throws -> RunningProgram {
        let log = path("log-\(member)")
        if isNew { try Data().write(to: URL(filePath: log)) }
        let output = try FileHandle(forWritingTo: URL(filePath: log))
        output.seekToEndOfFile()
        let cluster = ports.enumerated().map { "m\($0)=http://127.0.0.1:\($1.peer)" }.joined(separator: ",")
        let (client, peer) = ports[member]
        return try RunningProgram(
            [
                "etcd", "--name=m\(member)", "--data-dir=\(path("data-\(member)"))",
                "--listen-client-urls=https://127.0.0.1:\(client)",
                "--advertise-client-urls=https://127.0.0.1:\(client)",
                "--listen-peer-urls=http://127.0.0.1:\(peer)",
                "--initial-advertise-peer-urls=http://127.0.0.1:\(peer)", "--initial-cluster=\(cluster)",
                "--initial-cluster-token=\(directory.path)", "--cert-file=\(path("server.pem"))",
                "--key-file=\(path("server.key"))", "--trusted-ca-file=\(path("ca.pem"))", "--client-cert-auth",
                "--logger=zap",
            ] + (quota.map { ["--quota-backend-bytes=\($0)"] } ?? []), output: output)
    }

    /// How it is reached, by those whom it knows.
    public var members: EtcdMembers {
        var members = EtcdMembers(
            addresses: ports.map { .init(host: "127.0.0.1", port: $0.client) }, roots: path("ca.pem"),
            certificate: path("client.pem"), key: path("client.key"))
        // Machines that run tests have other things to do.
        members.timeLimit = .seconds(60)
        return members
    }

    /// The same with a certificate that it does not know.
    public var membersForStrangers: EtcdMembers {
        var members = members
        (members.certificate, members.key) = (path("stranger.pem"), path("stranger.key"))
        return members
    }

    /// The same for who trusts another CA.
    public var membersUntrusted: EtcdMembers {
        var members = members
        members.roots = path("stranger-ca.pem")
        return members
    }

    public func kill(_ member: Int) { programs[member].end() }

    /// It is there and says nothing, as behind a firewall, until `goOn`.
    public func freeze(_ member: Int) { programs[member].signal(SIGSTOP) }
    public func goOn(_ member: Int) { programs[member].signal(SIGCONT) }

    public func restart(_ member: Int) throws {
        programs[member].end()
        programs[member] = try program(member, isNew: false)
    }

    @discardableResult
    public func etcdctl(_ words: String...) throws -> String { try Command.run(command(words)) }

    private func command(_ words: [String]) -> [String] {
        let endpoints = ports.map { "https://127.0.0.1:\($0.client)" }.joined(separator: ",")
        return [
            "env", "ETCDCTL_API=3", "etcdctl", "--endpoints=\(endpoints)", "--cacert=\(path("ca.pem"))",
            "--cert=\(path("client.pem"))", "--key=\(path("client.key"))",
        ] + words
    }

    private struct NotFilled: Error { let answer: String }

    /// Puts so much there that etcd takes nothing more.
    public func fill() throws {
        try Data(repeating: 0x78, count: 1_000_000).write(to: URL(filePath: path("filling")))
        var number = 0
        while true {
            let (status, text) = try Command.finish(
                ["sh", "-c", "exec \"$@\" <\"$0\"", path("filling")] + command(["put", "/filling/\(number)"]))
            if text.contains("space exceeded") { return }
            guard status == 0, number < 100 else { throw NotFilled(answer: text) }
            number += 1
        }
    }

    /// Makes room again, as an operator does.
    public func makeRoom() throws {
        try etcdctl("del", "--prefix", "/filling/")
        let answer = try etcdctl("get", "/none", "--write-out=json")
        let revision = answer.split(separator: "\"revision\":").last?.prefix { $0.isNumber } ?? ""
        try etcdctl("compact", "\(revision)")
        try etcdctl("defrag")
        try etcdctl("alarm", "disarm")
    }

    @discardableResult
    private static func wait<Value>(for body: () throws -> Value) throws -> Value {
        for _ in 0..<100 {
            if let value = try? body() { return value }
            usleep(100_000)
        }
        return try body()
    }
}
