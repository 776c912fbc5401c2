import Foundation
import HTTPSClient
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import KubernetesReview

/// The scenarios' API server on loopback. Ends with the object.
final class ClusterProcess {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let command = [
        root.appending(path: ".build-venv/bin/python").path,
        root.appending(path: "Tests/Scenarios/15-node-attestation/cluster_api.py").path,
    ]

    private let directory: TemporaryDirectory
    private let program: RunningProgram
    let port: UInt16

    init() throws {
        directory = try TemporaryDirectory()
        let place = directory.path + "/cluster"
        _ = try Command.run(Self.command + ["prepare", place])
        let output = directory.path + "/output"
        try Data().write(to: URL(filePath: output))
        program = try RunningProgram(
            Self.command + ["serve", place, "0"], output: FileHandle(forWritingTo: URL(filePath: output)))
        port = try Self.port(from: output)
    }

    private static func port(from output: String) throws -> UInt16 {
        let deadline = ContinuousClock.now + .seconds(20)
        while .now < deadline {
            let text = try String(contentsOfFile: output, encoding: .utf8)
            if text.contains("\n"), let port = text.split(separator: "\n").first.flatMap({ UInt16($0) }) { return port }
            usleep(20_000)
        }
        throw NotReady()
    }

    struct NotReady: Error {}

    func end() { program.end() }

    /// A token that a pod of this service account would have; `-` for one on no node.
    func token(_ namespace: String, _ account: String, on node: String, _ options: String...) throws -> String {
        try Command.run(Self.command + ["token", directory.path + "/cluster", namespace, account, node] + options)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Of one that signs, but not for this cluster.
    var otherKey: String {
        get throws {
            let other = directory.path + "/other"
            _ = try Command.run(Self.command + ["prepare", other])
            return other + "/tokens.key"
        }
    }

    func text(_ name: String) throws -> String {
        try String(contentsOfFile: directory.path + "/cluster/" + name, encoding: .utf8)
    }

    func reviewer(
        as own: String? = nil, audience: String = "podshield", trusting roots: [Certificate]? = nil
    ) throws -> TokenReviewer {
        let roots = try roots ?? Certificate.parsePEMChain(text("ca.pem"))
        var server = HTTPSServer(
            host: "127.0.0.1", port: port, roots: roots, now: { Int64(Date().timeIntervalSince1970) })
        // On a machine that has much else to do.
        server.timeLimit = .seconds(20)
        let credentials = try own ?? text("reviewer")
        return TokenReviewer(server, audience: audience) { () throws(TokenReviewError) in
            SecretBytes(Array(credentials.utf8))
        }
    }
}
