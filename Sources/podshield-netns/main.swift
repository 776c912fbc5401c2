import FoundationEssentials
import Glibc
import LinuxBinding
import NetnsProtocol

// Answers one request on the stream socket it was started with, and ends. Who may ask is decided by who may connect:
// the socket unit's mode, or the process that spawned us.

/// With socket activation the connection is descriptor 3 (sd_listen_fds(3)); else it is standard input.
func connection() -> UnixSocket {
    let environment = ProcessInfo.processInfo.environment
    let isPassed = environment["LISTEN_FDS"] == "1" && environment["LISTEN_PID"] == String(getpid())
    return UnixSocket(FileDescriptor(owning: isPassed ? 3 : STDIN_FILENO))
}

func answer(_ socket: UnixSocket) -> PodNetworkReply {
    do {
        try socket.setTimeLimit(.seconds(10))
        let line = try socket.receiveLine(limit: PodNetworkRequest.maximumLength)
        let request = try JSONDecoder().decode(PodNetworkRequest.self, from: Data(line))
        return .done(try PodPreparation(request: request).run())
    } catch let error as PodNetworkError {
        return .failed(error)
    } catch let error as SystemError {
        return .failed(PodNetworkError(.system, "\(error)"))
    } catch {
        return .failed(PodNetworkError(.badRequest, "\(error)"))
    }
}

let socket = connection()
let reply = answer(socket)
do {
    try socket.send(Array(JSONEncoder().encode(reply)) + [UInt8(ascii: "\n")])
} catch {
    let text = Array("podshield-netns: \(error)\n".utf8)
    _ = unsafe write(STDERR_FILENO, text, text.count)
    exit(1)
}
if case .failed = reply { exit(1) }
