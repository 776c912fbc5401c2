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

    private static let program = """
        import socket, ssl, struct, sys, time

        count, target, method, message, is_only, chain, key = sys.argv[1:]
        message = bytes.fromhex(message)

        def frame(kind, flags, stream, payload=b""):
            return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload

        def literal(name, value):
            return b"\\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()

        def connect():
            scheme, place = target.split(":", 1)
            if scheme == "unix":
                connection = socket.socket(socket.AF_UNIX)
                connection.connect(place)
                return connection
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            if chain: context.load_cert_chain(chain, key)
            return context.wrap_socket(socket.create_connection(("127.0.0.1", int(place)), timeout=30))

        def exactly(connection, count):
            data = b""
            while len(data) < count:
                part = connection.recv(count - len(data))
                if not part: sys.exit("closed")
                data += part
            return data

        def begin():
            connection = connect()
            connection.settimeout(60)
            call = b"".join(literal(*field) for field in (
                (":method", "POST"), (":scheme", "http"), (":path", method), (":authority", "localhost"),
                ("content-type", "application/grpc"), ("te", "trailers"), ("workload.spiffe.io", "true")))
            body = b"\\0" + struct.pack(">I", len(message)) + message
            connection.sendall(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + frame(4, 0, 0) + frame(4, 1, 0)
                + frame(1, 4, 1, call) + frame(0, int(is_only), 1, body))
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
