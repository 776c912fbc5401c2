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

    /// E-5: an address of another kind is said, and nothing else is asked in its place.
    @Test(arguments: ["tcp://127.0.0.1:8000", "unix://relative", "", "http:///a"])
    func e5AnotherKindOfAddressIsRefused(_ variable: String) async throws {
        let refused = try await run(variable, "fetch")
        #expect(refused.output == "psid: SPIFFE_ENDPOINT_SOCKET: '\(variable)' is not unix:///PATH\n")
        #expect(refused.status == Status.usage.rawValue)
    }
}
