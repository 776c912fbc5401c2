import Configuration
import GRPCCore
import GRPCNIOTransportHTTP2
import KernelTestSupport
import Telemetry
import Testing

@testable import PodshieldDaemon

/// A configuration that needs no kernel programs: an authority on loopback.
func authorityConfiguration(in directory: TemporaryDirectory, port: UInt16 = 17601) throws -> PodshieldConfiguration {
    try PodshieldConfiguration(
        yaml: """
            role: authority
            trust-domain: example.org
            authority: {listen: 127.0.0.1, port: \(port)}
            paths: {state: \(directory.path)/state, run: \(directory.path)/run}
            """, file: "test")
}

/// Runs the whole daemon of an authority; `body` gets a client of its real socket.
func withAuthority(
    port: UInt16 = 17601,
    _ body: @escaping @Sendable (GRPCClient<HTTP2ClientTransport.Posix>, DaemonContext) async throws -> Void
) async throws {
    let directory = try TemporaryDirectory()
    let configuration = try authorityConfiguration(in: directory, port: port)
    let instance = try Instance(configuration.paths)
    let context = DaemonContext(
        configuration, telemetry: Telemetry(EventDestination { _ in }, now: WallClock.nanoseconds))
    let running = try await RunningDaemon.start(context)
    do {
        let transport = try HTTP2ClientTransport.Posix(
            target: .unixDomainSocket(path: configuration.paths.adminSocket), transportSecurity: .plaintext)
        try await withGRPCClient(transport: transport) { try await body($0, context) }
    } catch {
        Issue.record(error)
    }
    await running.stop()
    await context.components.stop(within: .seconds(8))
    withExtendedLifetime(instance) {}
}
