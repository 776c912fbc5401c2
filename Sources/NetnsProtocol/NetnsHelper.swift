import Dispatch
import FoundationEssentials
import Glibc
import LinuxBinding

/// The daemon's side: asks the one process that may enter pods' namespaces.
public enum NetnsHelper: Hashable, Sendable {
    /// systemd starts one for each connection to this socket.
    case socket(path: String)
    /// We start one for each request; it has our privileges.
    case spawn(executable: String)

    /// Of all requests of this process: a node whose pods all come at once starts no more helpers than this. The socket unit
    /// has room for several times as many, for systemd counts a helper until it has cleared up after it.
    static let mostAtATime = 8
    private static let places = HelperPlaces(mostAtATime)
    /// Before the second try, and twice as long before each further one.
    private static let firstPause = Duration.milliseconds(50)
    private static let mostTries = 7
    /// With less no try is begun.
    private static let leastTime = Duration.milliseconds(1)

    private enum Outcome {
        case replied(PodNetworkReply)
        /// Nobody read the request, or who did has died of it.
        case closed(String)
        case failed(PodNetworkError)
    }

    /// One request, answered within `limit` of its turn. Blocks no task. systemd closes connections unheard that are too many for
    /// it: those are tried again, which a helper that has been at work before does no harm to.
    public func prepare(
        _ request: PodNetworkRequest, limit: Duration = .seconds(10)
    ) async throws(PodNetworkError) -> PodInterface {
        switch await Self.places.result(of: { await patientAnswer(to: request, limit) }) {
        case .replied(.done(let pod)): return pod
        case .replied(.failed(let error)), .failed(let error): throw error
        case .closed(let reason): throw PodNetworkError(.noAnswer, reason)
        }
    }

    private func patientAnswer(to request: PodNetworkRequest, _ limit: Duration) async -> Outcome {
        let end = ContinuousClock.now + limit
        var (tries, pause) = (1, Self.firstPause)
        while true {
            let outcome = await answer(to: request, within: end - .now)
            guard case .closed = outcome, case .socket = self, tries < Self.mostTries, .now + pause < end,
                (try? await Task.sleep(for: pause)) != nil, .now + Self.leastTime < end
            else { return outcome }
            (tries, pause) = (tries + 1, pause * 2)
        }
    }

    private func answer(to request: PodNetworkRequest, within limit: Duration) async -> Outcome {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: attempt(request, limit)) }
        }
    }

    private func attempt(_ request: PodNetworkRequest, _ limit: Duration) -> Outcome {
        do {
            return try exchange(request, limit)
        } catch let error as PodNetworkError {
            return .failed(error)
        } catch {
            return .failed(PodNetworkError(.noAnswer, "\(error)"))
        }
    }

    private func exchange(_ request: PodNetworkRequest, _ limit: Duration) throws -> Outcome {
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
    ) throws -> Outcome {
        let question = try Array(JSONEncoder().encode(request)) + [UInt8(ascii: "\n")]
        try socket.setTimeLimit(limit)
        let line: [UInt8]
        do throws(SystemError) {
            try socket.send(question)
            line = try socket.receiveLine(limit: PodNetworkRequest.maximumLength)
        } catch {
            guard error.code == EPIPE || error.code == ECONNRESET else { throw error }
            return .closed("the helper closed the connection: \(error)")
        }
        guard !line.isEmpty else { return .closed("the helper closed the connection") }
        return .replied(try JSONDecoder().decode(PodNetworkReply.self, from: Data(line)))
    }
}
