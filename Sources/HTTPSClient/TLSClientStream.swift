internal import LinuxBinding
internal import OpenSSLBinding
internal import Synchronization

/// A TLS 1.3 connection to a server that is trusted as was said when it was named; none is by default.
///
/// One caller at a time. All waiting ends at the deadline of the moment.
final class TLSClientStream: Sendable {
    private let socket: TCPSocket
    private let session: TLSSession

    init(to server: HTTPSServer, until deadline: ContinuousClock.Instant) throws(HTTPSError) {
        let check = ServerCheck(server)
        session = try Self.wrap { () throws(OpenSSLError) in
            var configuration = TLSConfiguration(
                role: .client, chain: [], key: nil, alpn: ["http/1.1"], largestPeerChain: 32768,
                verifyPeer: { check.judge($0) })
            configuration.serverName = server.isAddress ? nil : server.host
            return try TLSSession(configuration)
        }
        socket = try Self.waiting { () throws(SystemError) in
            try TCPSocket.connect(
                to: server.host, port: server.port, within: ContinuousClock.now.duration(to: deadline))
        }
        do throws(HTTPSError) {
            try handshake(until: deadline)
        } catch {
            throw check.refusal.map { .untrusted($0) } ?? error
        }
    }

    private func handshake(until deadline: ContinuousClock.Instant) throws(HTTPSError) {
        while true {
            let isComplete = Result { () throws(OpenSSLError) in try session.handshake() }
            try flush(until: deadline)
            if try Self.wrap({ () throws(OpenSSLError) in try isComplete.get() }) { return }
            guard try fill(until: deadline) else { throw .unreachable("it ended the connection during the handshake") }
        }
    }

    func send(_ bytes: SecretBytes, until deadline: ContinuousClock.Instant) throws(HTTPSError) {
        try Self.wrap { () throws(OpenSSLError) in
            try unsafe bytes.withUnsafeBytes { (buffer) throws(OpenSSLError) in try unsafe session.write(buffer) }
        }
        try flush(until: deadline)
    }

    /// What there is, waiting for the first byte; empty when the server has ended.
    func receive(until deadline: ContinuousClock.Instant) throws(HTTPSError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 16384)
        while true {
            let result = try Self.wrap { () throws(OpenSSLError) in try read(into: &buffer) }
            switch result {
            case .bytes(let count): return Array(buffer.prefix(count))
            case .closed: return []
            case .wouldBlock: guard try fill(until: deadline) else { return [] }
            }
        }
    }

    private func read(into buffer: inout [UInt8]) throws(OpenSSLError) -> TLSSession.ReadResult {
        try unsafe buffer.withUnsafeMutableBytes { room in
            Result { () throws(OpenSSLError) in try unsafe session.read(into: room) }
        }.get()
    }

    /// Sends what TLS has to say.
    private func flush(until deadline: ContinuousClock.Instant) throws(HTTPSError) {
        var bytes = [UInt8](repeating: 0, count: session.outputCount)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe session.takeOutput(into: $0) }
        try wait(until: deadline) { socket throws(SystemError) in try socket.send(Array(bytes.prefix(count))) }
    }

    /// False at the end of the stream.
    private func fill(until deadline: ContinuousClock.Instant) throws(HTTPSError) -> Bool {
        var bytes: [UInt8] = []
        try wait(until: deadline) { socket throws(SystemError) in bytes = try socket.receive() }
        try Self.wrap { () throws(OpenSSLError) in
            try unsafe bytes.withUnsafeBytes { buffer in
                Result { () throws(OpenSSLError) in try unsafe session.receive(buffer) }
            }.get()
        }
        return !bytes.isEmpty
    }

    private func wait(
        until deadline: ContinuousClock.Instant, _ body: (TCPSocket) throws(SystemError) -> Void
    ) throws(HTTPSError) {
        let left = ContinuousClock.now.duration(to: deadline)
        guard left > .milliseconds(1) else { throw .timedOut }
        try Self.waiting { () throws(SystemError) in
            try socket.setTimeLimit(left)
            try body(socket)
        }
    }

    private static func waiting<Value>(_ body: () throws(SystemError) -> Value) throws(HTTPSError) -> Value {
        do throws(SystemError) {
            return try body()
        } catch {
            throw error.isTimeLimit ? .timedOut : .unreachable("\(error)")
        }
    }

    private static func wrap<Value>(_ body: () throws(OpenSSLError) -> Value) throws(HTTPSError) -> Value {
        do throws(OpenSSLError) { return try body() } catch { throw HTTPSError(error) }
    }
}

/// Judges the server's certificate, and keeps why it was refused.
private final class ServerCheck: Sendable {
    private let server: HTTPSServer
    private let reason = Mutex<String?>(nil)

    init(_ server: HTTPSServer) { self.server = server }

    var refusal: String? { reason.withLock { $0 } }

    func judge(_ chain: [Certificate]) -> TLSPeerVerdict {
        switch server.trust {
        case .named(let roots): judge(chain, by: roots)
        case .judged(let judge): judge(chain).map { refuse($0) } ?? .accepted
        }
    }

    private func judge(_ chain: [Certificate], by roots: [Certificate]) -> TLSPeerVerdict {
        do throws(PathValidation.Failure) {
            _ = try PathValidation.validate(
                leaf: chain[0], intermediates: Array(chain.dropFirst()), roots: roots, at: server.now(),
                maximumIntermediates: 5)
        } catch {
            return refuse("\(error.reason)", error.kind == .unknownAuthority ? .unknownAuthority : .unsuitable)
        }
        guard chain[0].names(host: server.host) else { return refuse("its certificate is not for \(server.host)") }
        guard chain[0].suitsServer else { return refuse("its certificate is no server's") }
        return .accepted
    }

    private func refuse(_ why: String, _ verdict: TLSPeerVerdict = .unsuitable) -> TLSPeerVerdict {
        reason.withLock { $0 = why }
        return verdict
    }
}
