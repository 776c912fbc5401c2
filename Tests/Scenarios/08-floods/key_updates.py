#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A TLS 1.3 client that changes keys and says nothing else: key_updates.py ADDRESS PORT asking|telling. Prints how often it did
until the other end hung up, and gives up after a million times."""

import ctypes
import socket
import sys
from typing import Optional

MANY = 1_000_000
# <openssl/ssl.h>: the other end is to change its keys, too, or not.
KINDS = {"asking": 1, "telling": 0}


def _library() -> ctypes.CDLL:
    """Python's own module has no such call."""
    library = ctypes.CDLL("libssl.so.3")
    for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
        getattr(library, name).restype = ctypes.c_void_p
    return library


class KeyUpdates:
    """One connection, over a socket that blocks and that stays the caller's. Raises ConnectionError where there is no handshake."""

    _ssl = _library()

    def __init__(self, connection: socket.socket, protocol: Optional[bytes] = None) -> None:
        self._context = ctypes.c_void_p(self._ssl.SSL_CTX_new(ctypes.c_void_p(self._ssl.TLS_client_method())))
        self._session = ctypes.c_void_p(self._ssl.SSL_new(self._context))
        if protocol:
            names = bytes([len(protocol)]) + protocol
            self._ssl.SSL_set_alpn_protos(self._session, names, len(names))
        self._ssl.SSL_set_fd(self._session, connection.fileno())
        if self._ssl.SSL_connect(self._session) != 1:
            self.free()
            raise ConnectionError("no handshake")

    def change(self, kind: str) -> bool:
        """False once the other end has hung up."""
        return self._ssl.SSL_key_update(self._session, KINDS[kind]) == 1 and self._ssl.SSL_do_handshake(self._session) == 1

    def free(self) -> None:
        self._ssl.SSL_free(self._session)
        self._ssl.SSL_CTX_free(self._context)


def main(address: str, port: str, kind: str) -> int:
    with socket.create_connection((address, int(port))) as connection:
        updates = KeyUpdates(connection)
        print(next((count for count in range(MANY) if not updates.change(kind)), MANY))
        updates.free()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
