import Foundation
import KernelTestSupport
import PSIDCommands
import SwiftProtobuf
import Testing
import WorkloadProtocol

/// How the built program finds the Workload API.
@Suite(.timeLimit(.minutes(2))) struct WorkloadEndpointTests {
    private static let program = Bundle.main.bundleURL.appending(path: "psid").path(percentEncoded: false)

    private func run(_ variable: String, _ words: String...) async throws -> (status: Int32, output: String) {
        try await outside {
            try Command.finish(["env", "SPIFFE_ENDPOINT_SOCKET=\(variable)", Self.program, "api"] + words)
        }
    }

    /// E-5: by `SPIFFE_ENDPOINT_SOCKET`, unless a command names another.
    @Test func e5TheVariableNamesTheSocket() async throws {
        let api = WorkloadAPI { $0.tokens = [.with { $0.svid = "a.b.c" }] }
        let other = WorkloadAPI { $0.tokens = [.with { $0.svid = "d.e.f" }] }
        try await withWorkloadAPI(api) { path in
            try await withWorkloadAPI(other) { second in
                for variable in ["unix://\(path)", "unix:\(path)"] {
                    let found = try await run(variable, "fetch", "jwt", "--audience", "x")
                    #expect(found.status == 0 && found.output == "a.b.c\n")
                }
                let told = try await run(
                    "unix://\(path)", "fetch", "jwt", "--audience", "x", "--endpoint", "unix://\(second)")
                #expect(told.status == 0 && told.output == "d.e.f\n")
            }
        }
    }

    /// E-5: or over TCP, by an address of either family.
    @Test(arguments: ["127.0.0.1", "::1"]) func e5AnAddressIsAnEndpointToo(_ host: String) async throws {
        let api = WorkloadAPI { $0.tokens = [.with { $0.svid = "a.b.c" }] }
        try await withWorkloadAPI(api, at: host) { port in
            let place = host.contains(":") ? "tcp://[\(host)]:\(port)" : "tcp://\(host):\(port)"
            let found = try await run(place, "fetch", "jwt", "--audience", "x")
            #expect(found.status == 0 && found.output == "a.b.c\n")
        }
    }

    /// E-5: an address of another kind, or one with more to it, is said, and nothing else is asked in its place.
    @Test(arguments: [
        "", "/run/api.sock", "http:///a", "unix://relative", "unix://host/a", "unix:a", "unix:///a?x", "unix:///a#x",
        "unix:///a%20b", "tcp://localhost:8000", "tcp://127.0.0.1", "tcp://127.0.0.1:0", "tcp://127.0.0.1:70000",
        "tcp://127.0.0.1:8000/", "tcp://127.0.0.1:8000/a", "tcp://user@127.0.0.1:8000", "tcp://127.0.0.1:8000?x",
        "tcp://::1:8000", "tcp://[127.0.0.1]:8000", "tcp://127.1:8000",
    ])
    func e5AnotherKindOfAddressIsRefused(_ variable: String) async throws {
        let refused = try await run(variable, "fetch")
        let sentence = "is neither unix:///PATH nor tcp://IP:PORT"
        #expect(refused.output == "psid: SPIFFE_ENDPOINT_SOCKET: '\(variable)' \(sentence)\n")
        #expect(refused.status == Status.usage.rawValue)
    }

    @Test func whereNobodyListensIsSaid() async throws {
        let port = try freePort()
        let refused = try await run("tcp://127.0.0.1:\(port)", "fetch")
        #expect(refused.output == "psid: tcp://127.0.0.1:\(port): Connection refused\n")
        #expect(refused.status == Status.notReachable.rawValue)
    }
}
