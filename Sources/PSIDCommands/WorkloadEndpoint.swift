import ArgumentParser
import Configuration
import FoundationEssentials
import GRPCCore
import NIOCore
import WorkloadProtocol

/// Where a Workload API listens (SPIFFE_Workload_Endpoint.md section 4).
enum WorkloadEndpoint: Sendable, Equatable, ExpressibleByArgument {
    typealias Client = SpiffeWorkloadAPI.Client<Admin.Transport>

    /// - Parameter path: absolute.
    case socket(path: String)
    /// An IP address and a port, in the clear: whoever offers that keeps others out by the network.
    case address(SocketAddress)

    /// - Parameter uri: `unix:///PATH` or `tcp://IP:PORT`, and no other part of a URI: nothing is looked up, and what would have to be
    ///   left out is refused.
    init?(uri: String) {
        guard !uri.contains(where: "?#%".contains) else { return nil }
        if let path = ["unix://", "unix:"].first(where: uri.hasPrefix).map({ uri.dropFirst($0.count) }) {
            guard path.hasPrefix("/") else { return nil }
            self = .socket(path: String(path))
        } else if uri.hasPrefix("tcp://"), let address = Self.address(uri.dropFirst("tcp://".count)) {
            self = .address(address)
        } else {
            return nil
        }
    }

    /// - Parameter argument: such a URI, or a socket's path.
    init?(argument: String) {
        if argument.hasPrefix("/") { self = .socket(path: argument) } else { self.init(uri: argument) }
    }

    /// `IP:PORT`, with brackets around an address of version 6.
    private static func address(_ text: Substring) -> SocketAddress? {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0
        else { return nil }
        let host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        guard isBracketed == host.contains(":") else { return nil }
        return try? SocketAddress(
            ipAddress: String(isBracketed ? host.dropFirst().dropLast() : host), port: Int(port))
    }

    /// What names it for every SPIFFE client (section 4).
    static let variable = "SPIFFE_ENDPOINT_SOCKET"

    /// From the environment, or this machine's.
    static func found() throws(CommandFailure) -> WorkloadEndpoint {
        guard let uri = ProcessInfo.processInfo.environment[variable] else {
            return .socket(path: PodshieldConfiguration.Paths.defaultWorkloadSocket)
        }
        guard let endpoint = WorkloadEndpoint(uri: uri) else {
            throw CommandFailure(.usage, "\(variable): '\(uri)' is neither unix:///PATH nor tcp://IP:PORT")
        }
        return endpoint
    }

    /// Shows that a request was meant (section 6.1).
    static let header: Metadata = ["workload.spiffe.io": "true"]
}
