import ArgumentParser
import Configuration
import FoundationEssentials
import GRPCCore
import WorkloadProtocol

/// Where a Workload API listens, on a Unix socket (SPIFFE_Workload_Endpoint.md section 4).
struct WorkloadEndpoint: Sendable, Equatable, ExpressibleByArgument {
    typealias Client = SpiffeWorkloadAPI.Client<Admin.Transport>

    /// Absolute.
    let path: String

    /// - Parameter argument: `unix:///path`, or the path alone.
    init?(argument: String) {
        let scheme = ["unix://", "unix:"].first(where: argument.hasPrefix) ?? ""
        path = String(argument.dropFirst(scheme.count))
        guard path.hasPrefix("/") else { return nil }
    }

    /// What names it for every SPIFFE client (section 4).
    static let variable = "SPIFFE_ENDPOINT_SOCKET"

    /// From the environment, or this machine's.
    static func found() throws(CommandFailure) -> WorkloadEndpoint {
        let argument =
            ProcessInfo.processInfo.environment[variable] ?? PodshieldConfiguration.Paths.defaultWorkloadSocket
        guard let endpoint = WorkloadEndpoint(argument: argument) else {
            throw CommandFailure(.usage, "\(variable): '\(argument)' is not unix:///PATH")
        }
        return endpoint
    }

    /// Shows that a request was meant (section 6.1).
    static let header: Metadata = ["workload.spiffe.io": "true"]
}
