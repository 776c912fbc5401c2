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

    private static let program =
        HandmadeHTTP2.python + """
            import itertools, sys, time

            kind, target, method, seconds, chain, key = sys.argv[1:]
            DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
            END_HEADERS = 4

            block = call(method, ("broker.spiffe.io", "true"))
            streams = lambda: range(1, 1 << 31, 2)
            forever = lambda one: itertools.repeat(one * 50)
            kinds = {
                "resets": lambda: (
                    frame(HEADERS, END_HEADERS, n, block) + frame(RST_STREAM, 0, n, struct.pack(">I", 8)) for n in streams()),
                "faults": lambda: (
                    frame(HEADERS, END_HEADERS, n, block) + frame(WINDOW_UPDATE, 0, n, bytes(4)) for n in streams()),
                "emptyContinuations": lambda: itertools.chain(
                    [frame(HEADERS, 0, 1, block)], forever(frame(CONTINUATION, 0, 1))),
                "continuations": lambda: itertools.chain(
                    [frame(HEADERS, 0, 1, block)], forever(frame(CONTINUATION, 0, 1, literal("x-more", "x" * 100) * 100))),
                "pings": lambda: forever(frame(PING, 0, 0, bytes(8))),
                "settings": lambda: forever(frame(SETTINGS, 0, 0)),
                "emptyData": lambda: itertools.chain(
                    [frame(HEADERS, END_HEADERS, 1, block)], forever(frame(DATA, 0, 1))),
                "openCalls": lambda: (frame(HEADERS, END_HEADERS, n, block) for n in streams()),
            }

            opened = closed = stalled = most = 0
            # On a machine that is busy it takes longer until the first is closed.
            begin = time.monotonic()
            is_over = lambda: time.monotonic() - begin > float(seconds) and (closed or time.monotonic() - begin > 30)
            while not is_over():
                sent = 0
                try:
                    with connect(target, chain, key) as connection:
                        opened += 1
                        connection.settimeout(10)
                        connection.sendall(PREFACE + frame(SETTINGS, 0, 0))
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
