# SPDX-License-Identifier: Apache-2.0
"""The few frames of HTTP/2 (RFC 9113) that one call of the Workload API takes: for machines on which nothing is installed, and
for thousands of streams at once. Without `more` there is room for 64 KiB of answers."""

import struct

HEADERS = {
    ":method": "POST", ":scheme": "http", ":authority": "localhost", "content-type": "application/grpc",
    "te": "trailers", "workload.spiffe.io": "true",
}
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS_FRAME, SETTINGS, WINDOW_UPDATE = 0, 1, 4, 8
END_STREAM, END_HEADERS = 1, 4
STREAM = 1


def call(method: str) -> bytes:
    """All that a client says to call a method of the Workload API with an empty message, from the connection's begin on."""
    # Literal fields without indexing, under new names (RFC 7541 section 6.2.2).
    headers = {**HEADERS, ":path": f"/SpiffeWorkloadAPI/{method}"}
    ordered = sorted(headers.items(), key=lambda field: not field[0].startswith(":"))
    block = b"".join(b"\0" + _literal(name) + _literal(value) for name, value in ordered)
    return (
        PREFACE + _frame(SETTINGS, 0, 0) + _frame(HEADERS_FRAME, END_HEADERS, STREAM, block)
        + _frame(DATA, END_STREAM, STREAM, b"\0\0\0\0\0")
    )


def more(count: int) -> bytes:
    """Room for so many bytes of answers beside what there is (section 6.9)."""
    update = struct.pack(">I", count)
    return _frame(WINDOW_UPDATE, 0, 0, update) + _frame(WINDOW_UPDATE, 0, STREAM, update)


class Answers:
    """What comes back on the one stream."""

    def __init__(self) -> None:
        self.has_ended = False
        self._bytes = self._message = b""

    def feed(self, more: bytes) -> list[bytes]:
        """The messages that are complete with these bytes."""
        self._bytes += more
        while len(self._bytes) >= 9:
            size, kind, flags = int.from_bytes(self._bytes[:3], "big"), self._bytes[3], self._bytes[4]
            if len(self._bytes) < 9 + size:
                break
            stream = struct.unpack(">I", self._bytes[5:9])[0]
            if stream == STREAM:
                self._message += self._bytes[9:9 + size] if kind == DATA else b""
                self.has_ended |= bool(flags & END_STREAM)
            self._bytes = self._bytes[9 + size:]
        return list(self._complete())

    def _complete(self):
        while len(self._message) >= 5 and len(self._message) >= (end := 5 + int.from_bytes(self._message[1:5], "big")):
            yield self._message[5:end]
            self._message = self._message[end:]


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _literal(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()
