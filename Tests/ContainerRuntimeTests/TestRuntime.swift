import AuthorityAPI
import CRIAPI
import ContainerRuntime
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import KernelTestSupport
import SwiftProtobuf
import Synchronization

/// A container runtime at a socket, as far as CRI tells; may come and go.
final class TestRuntime: Sendable {
    let directory: TemporaryDirectory
    let service = TestRuntimeService()
    private let running = Mutex<(server: GRPCServer<HTTP2ServerTransport.Posix>, task: Task<Void, Never>)?>(nil)

    var socket: String { directory.path + "/cri.sock" }

    init() throws {
        directory = try TemporaryDirectory()
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: directory.path)
    }

    deinit {
        let last = running.withLock { $0 }
        last?.server.beginGracefulShutdown()
        last?.task.cancel()
    }

    func start() async throws {
        try? FileManager.default.removeItem(atPath: socket)
        let transport = HTTP2ServerTransport.Posix(
            address: .unixDomainSocket(path: socket), transportSecurity: .plaintext)
        let server = GRPCServer(transport: transport, services: [service])
        let task = Task { _ = try? await server.serve() }
        running.withLock { $0 = (server, task) }
        _ = try await transport.listeningAddress
    }

    func stop() async {
        let last = running.withLock { running in
            defer { running = nil }
            return running
        }
        last?.server.beginGracefulShutdown()
        await last?.task.value
        try? FileManager.default.removeItem(atPath: socket)
    }
}

/// What it says, and what it was asked.
final class TestRuntimeService: Runtime_V1_RuntimeService.SimpleServiceProtocol {
    enum Answer: Sendable {
        case status(Runtime_V1_ContainerStatus)
        case failure(RPCError.Code)
        /// None for longer than anybody waits.
        case nothing
    }

    private struct State {
        var answers: [String: Answer] = [:]
        var asked: [String] = []
        var concurrent = 0
        var mostConcurrent = 0
    }

    private let state = Mutex(State())

    subscript(id: ContainerID) -> Answer? {
        get { state.withLock { $0.answers[id.text] } }
        set { state.withLock { $0.answers[id.text] = newValue } }
    }

    var asked: [String] { state.withLock { $0.asked } }
    /// At one time.
    var mostConcurrent: Int { state.withLock { $0.mostConcurrent } }

    func containerStatus(
        request: Runtime_V1_ContainerStatusRequest, context: ServerContext
    ) async throws -> Runtime_V1_ContainerStatusResponse {
        let answer = state.withLock { state in
            state.asked.append(request.containerID)
            state.concurrent += 1
            state.mostConcurrent = max(state.mostConcurrent, state.concurrent)
            return state.answers[request.containerID]
        }
        defer { state.withLock { $0.concurrent -= 1 } }
        switch answer {
        case .status(let status):
            try await Task.sleep(for: .milliseconds(2))
            return .with { $0.status = status }
        case .failure(let code): throw RPCError(code: code, message: "no\u{1b}answer")
        case .nothing:
            try await context.cancellation.cancelled
            return .init()
        case nil: throw RPCError(code: .notFound, message: "no such container")
        }
    }
}

extension ContainerID {
    /// Of 64 times one digit.
    static func of(_ digit: Character) -> ContainerID { ContainerID(String(repeating: digit, count: 64))! }
}

extension Runtime_V1_ContainerStatus {
    static func of(_ id: ContainerID, name: String) -> Self {
        .with {
            $0.id = id.text
            $0.metadata.name = name
            $0.image.image = "registry.example/shop/\(name):1"
            $0.imageRef = "registry.example/shop/\(name)@sha256:0f"
            $0.labels = [
                "io.kubernetes.container.name": name, "io.kubernetes.pod.name": "web-0",
                "io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.uid": "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
            ]
        }
    }
}

/// What was told, in order.
final class Told: Sendable {
    private let events = Mutex<[ContainerRuntimeEvent]>([])
    private let answers = Mutex(0)

    func add(_ event: ContainerRuntimeEvent) { events.withLock { $0.append(event) } }
    func answered() { answers.withLock { $0 += 1 } }

    var all: [ContainerRuntimeEvent] { events.withLock { $0 } }
    /// How often it was told that more is known.
    var answeredCount: Int { answers.withLock { $0 } }
}
