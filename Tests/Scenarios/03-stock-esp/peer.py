#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What runs inside the stock kernel: peer.py listen PORT | send ADDRESS PORT BYTES | receive ADDRESS PORT

`listen` hands UDP packets of the port to the kernel's ESP until killed; the others print the stream's SHA-256."""

import hashlib
import random
import signal
import socket
import sys

UDP_ENCAP, UDP_ENCAP_ESPINUDP = 100, 2
CHUNK = 1 << 16


def listen(port: int) -> None:
    sockets = []
    for family in (socket.AF_INET, socket.AF_INET6):
        opened = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(("", port))
        opened.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP)
        sockets.append(opened)
    signal.pause()


def send(address: str, port: int, size: int) -> None:
    content = random.randbytes(size)
    with socket.create_connection((address, port)) as stream:
        stream.sendall(content)
    print(hashlib.sha256(content).hexdigest())


def receive(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    digest = hashlib.sha256()
    with socket.create_server((address, port), family=family) as server:
        print("listening", flush=True)
        stream, _ = server.accept()
        with stream:
            while data := stream.recv(CHUNK):
                digest.update(data)
    print(digest.hexdigest())


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["listen", port]:
            listen(int(port))
        case ["send", address, port, size]:
            send(address, int(port), int(size))
        case ["receive", address, port]:
            receive(address, int(port))
        case _:
            sys.exit(__doc__)
