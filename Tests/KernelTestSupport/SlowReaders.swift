import Foundation

/// Connections that call once, are served, and read a byte a second of what comes, which no rule forbids. Until it goes.
public final class SlowReaders: Sendable {
    private let program: RunningProgram

    /// Returns when each has read its first byte of an answer. Waits.
    ///
    /// - Parameters:
    ///   - target: `unix:PATH`, or `tls:PORT` of loopback.
    ///   - method: `/service/method`, which is called.
    ///   - request: the one message, without the frame of gRPC.
    ///   - isOnly: whether it is said that no other follows.
    ///   - certificate: what they connect as by TLS.
    public init(
        _ count: Int, at target: String, calling method: String, _ request: [UInt8] = [], isOnly: Bool = true,
        as certificate: ClientCertificate? = nil
    ) throws {
        let output = Pipe()
        let message = request.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        program = try RunningProgram(
            [
                "/usr/bin/python3", "-c", Self.program, "\(count)", target, method, message, isOnly ? "1" : "0",
                certificate?.chain ?? "", certificate?.key ?? "",
            ], output: output.fileHandleForWriting)
        try output.fileHandleForWriting.close()
        let told = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        guard told == "ready\n" else { throw Command.Failure(description: "slow readers: \(told)") }
    }

    public func end() { program.end() }

    private static let program =
        HandmadeHTTP2.python + """
            import sys, time

            count, target, method, message, is_only, chain, key = sys.argv[1:]
            message = bytes.fromhex(message)

            def exactly(connection, count):
                data = b""
                while len(data) < count:
                    part = connection.recv(count - len(data))
                    if not part: sys.exit("closed")
                    data += part
                return data

            def begin():
                connection = connect(target, chain, key)
                connection.settimeout(60)
                body = b"\\0" + struct.pack(">I", len(message)) + message
                connection.sendall(PREFACE + frame(4, 0, 0) + frame(4, 1, 0)
                    + frame(1, 4, 1, call(method)) + frame(0, int(is_only), 1, body))
                while True:
                    head = exactly(connection, 9)
                    if head[3] == 0: return connection
                    exactly(connection, int.from_bytes(head[:3], "big"))

            connections = [begin() for _ in range(int(count))]
            print("ready", flush=True)
            while True:
                time.sleep(1)
                for connection in connections:
                    connection.recv(1)
            """
}
