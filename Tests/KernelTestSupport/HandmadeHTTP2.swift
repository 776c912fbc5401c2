/// HTTP/2 by hand (RFC 9113), for programs of Python that go on without end, or stop in the midst of something.
public enum HandmadeHTTP2 {
    /// How such a program begins. `connect` takes `unix:PATH`, or `tls:PORT` of loopback with the files of what it connects as; `call`
    /// makes the block of headers of a call by gRPC, as literals (RFC 7541 section 6.2.2).
    public static let python = """
        import socket, ssl, struct

        PREFACE = b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n"

        def frame(kind, flags, stream, payload=b""):
            return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload

        def literal(name, value):
            return b"\\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()

        def call(method, *more):
            return b"".join(literal(*field) for field in (
                (":method", "POST"), (":scheme", "http"), (":path", method), (":authority", "localhost"),
                ("content-type", "application/grpc"), ("te", "trailers"), ("workload.spiffe.io", "true"), *more))

        def connect(target, chain="", key=""):
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


        """
}
