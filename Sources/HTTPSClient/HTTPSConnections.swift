package import OpenSSLBinding
internal import Synchronization

/// Asks one server, over connections that are kept for the next request.
package final class HTTPSConnections: Sendable {
    package let server: HTTPSServer
    private let idle = Mutex<[TLSClientStream]>([])

    private static let mostIdle = 8

    package init(_ server: HTTPSServer) { self.server = server }

    /// Returns the answer to a request, whatever its status. Waits up to the server's time limit.
    ///
    /// A kept connection that turns out to be closed is replaced once: for requests that do no more when they are made twice.
    package func answer(to request: SecretBytes) throws(HTTPSError) -> HTTPResponse {
        let deadline = ContinuousClock.now + server.timeLimit
        if let kept = idle.withLock({ $0.popLast() }), let answer = try? exchange(request, on: kept, deadline) {
            return answer
        }
        return try exchange(request, on: TLSClientStream(to: server, until: deadline), deadline)
    }

    private func exchange(
        _ request: SecretBytes, on stream: TLSClientStream, _ deadline: ContinuousClock.Instant
    ) throws(HTTPSError) -> HTTPResponse {
        try stream.send(request, until: deadline)
        var received: [UInt8] = []
        while true {
            let bytes = try stream.receive(until: deadline)
            received += bytes
            guard let response = try HTTPResponse.read(received, isAll: bytes.isEmpty, largest: server.largestAnswer)
            else { continue }
            if response.staysOpen { keep(stream) }
            return response
        }
    }

    private func keep(_ stream: TLSClientStream) {
        idle.withLock { if $0.count < Self.mostIdle { $0.append(stream) } }
    }
}
