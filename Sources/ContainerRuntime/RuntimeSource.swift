internal import AuthorityAPI
internal import CRIAPI
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import LinuxBinding
internal import NIOCore
internal import NIOPosix
internal import PrintableText
internal import SecureTransport
internal import SwiftProtobuf

/// Asks a container runtime by CRI, version 1, once.
struct RuntimeSource: Sendable {
    private typealias Transport = HTTP2ClientTransport.WrappedChannel

    let socket: String
    /// How long it may take to answer.
    let patience: Duration

    /// Of an answer; labels and annotations, of which Kubernetes allows 256 KiB, and mounts.
    private static let mostBytes = 4 << 20

    /// Nil for a container that it does not have.
    func container(_ id: ContainerID) async throws(RuntimeFailure) -> ContainerFacts? {
        // Who could put a socket of his own there would say who is who.
        do throws(PrivateFileError) { try PrivateDirectory.check(directory) } catch { throw .away("\(error)") }
        let answer: Runtime_V1_ContainerStatusResponse
        do {
            answer = try await ask(id)
        } catch let error as RPCError where error.code == .notFound {
            return nil
        } catch {
            throw RuntimeFailure(error)
        }
        guard answer.status.id == id.text else { throw .refused("it answers for another container") }
        return ContainerFacts(answer.status)
    }

    private var directory: String { socket.lastIndex(of: "/").map { String(socket[...$0]) } ?? "/" }

    private func ask(_ id: ContainerID) async throws -> Runtime_V1_ContainerStatusResponse {
        let transport = try await Transport.wrapping(config: Self.configuration) { configure in
            try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(TimeAmount(patience))
                .connect(unixDomainSocketPath: socket, channelInitializer: configure)
        }
        return try await withGRPCClient(transport: transport) { client in
            try await Runtime_V1_RuntimeService.Client(wrapping: client)
                .containerStatus(.with { $0.containerID = id.text }, options: options)
        }
    }

    /// Go's servers answer nobody who does not name them.
    private static var configuration: Transport.Config { .defaults { $0.http2.authority = "localhost" } }

    private var options: CallOptions {
        var options = CallOptions.defaults
        options.timeout = patience
        // By which of the two the transport bounds answers is its own affair: it goes by the one for requests.
        (options.maxRequestMessageBytes, options.maxResponseMessageBytes) = (Self.mostBytes, Self.mostBytes)
        return options
    }
}

/// Why nothing is known of a container for now. In words for people.
enum RuntimeFailure: Error, Equatable {
    /// Nobody answers, or somebody who does not speak CRI.
    case away(String)
    /// The runtime has no answer about this container.
    case refused(String)

    var reason: String {
        switch self {
        case .away(let reason), .refused(let reason): reason
        }
    }
}

extension RuntimeFailure {
    fileprivate init(_ error: any Error) {
        guard let error = error as? RPCError else {
            self = .away(SocketFailure.reason(error))
            return
        }
        let reason = "it answers \(error.code): \(error.message.printable)"
        switch error.code {
        case .unavailable, .deadlineExceeded, .cancelled, .unimplemented: self = .away(reason)
        default: self = .refused(reason)
        }
    }
}
