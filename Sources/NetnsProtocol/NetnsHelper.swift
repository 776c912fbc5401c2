import Dispatch
import FoundationEssentials
import LinuxBinding

/// The daemon's side: asks the one process that may enter pods' namespaces.
public enum NetnsHelper: Hashable, Sendable {
    /// systemd starts one for each connection to this socket.
    case socket(path: String)
    /// We start one for each request; it has our privileges.
    case spawn(executable: String)

    /// One request, answered within `limit`. Blocks no task.
    public func prepare(
        _ request: PodNetworkRequest, limit: Duration = .seconds(10)
    ) async throws(PodNetworkError) -> PodInterface {
        let result = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: attempt(request, limit)) }
        }
        return try result.get()
    }

    private func attempt(_ request: PodNetworkRequest, _ limit: Duration) -> Result<PodInterface, PodNetworkError> {
        do {
            switch try exchange(request, limit) {
            case .done(let pod): return .success(pod)
            case .failed(let error): return .failure(error)
            }
        } catch let error as PodNetworkError {
            return .failure(error)
        } catch {
            return .failure(PodNetworkError(.noAnswer, "\(error)"))
        }
    }

    private func exchange(_ request: PodNetworkRequest, _ limit: Duration) throws -> PodNetworkReply {
        switch self {
        case .socket(let path): return try Self.exchange(request, UnixSocket.connect(to: path, within: limit), limit)
        case .spawn(let executable):
            let (ours, theirs) = try UnixSocket.pair()
            let child = try ChildProcess(path: executable, input: theirs.descriptor)
            defer {
                // It has answered, or its time is up.
                child.kill()
                _ = try? child.wait()
            }
            return try Self.exchange(request, ours, limit)
        }
    }

    private static func exchange(
        _ request: PodNetworkRequest, _ socket: UnixSocket, _ limit: Duration
    ) throws -> PodNetworkReply {
        try socket.setTimeLimit(limit)
        try socket.send(Array(JSONEncoder().encode(request)) + [UInt8(ascii: "\n")])
        let line = try socket.receiveLine(limit: PodNetworkRequest.maximumLength)
        guard !line.isEmpty else { throw PodNetworkError(.noAnswer, "the helper closed the connection") }
        return try JSONDecoder().decode(PodNetworkReply.self, from: Data(line))
    }
}
