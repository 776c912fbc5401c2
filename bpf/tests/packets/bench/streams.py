# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Traffic of applications between two pods, checked byte by byte."""

import hashlib
import random
import socket
import threading

from harness.namespaces import Namespace

PORT = 7000
TIMEOUT = 20
CHUNK = 1 << 16


def tcp_arrives(sender: Namespace, receiver: Namespace, address: str, megabytes: int) -> bool:
    """Sends a stream one way; whether all of it arrived as it was."""
    content = random.Random(megabytes).randbytes(megabytes << 20)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = receiver.inside(lambda: socket.create_server((address, PORT), family=family))
    digest, count = hashlib.sha256(), 0
    with listener:
        listener.settimeout(TIMEOUT)
        client = sender.inside(lambda: socket.socket(family, socket.SOCK_STREAM))
        client.settimeout(TIMEOUT)
        client.connect((address, PORT))
        server, _ = listener.accept()
        server.settimeout(TIMEOUT)
        thread = threading.Thread(target=_send, args=(client, content))
        thread.start()
        try:
            with server:
                while data := server.recv(CHUNK):
                    digest.update(data)
                    count += len(data)
        finally:
            thread.join()
    return count == len(content) and digest.digest() == hashlib.sha256(content).digest()


def udp_arrives(sender: Namespace, receiver: Namespace, address: str, lengths: list[int]) -> list[int]:
    """Sends datagrams of these lengths one after the other; the lengths of those that arrived whole."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sink = receiver.inside(lambda: socket.socket(family, socket.SOCK_DGRAM))
    source = sender.inside(lambda: socket.socket(family, socket.SOCK_DGRAM))
    arrived = []
    with sink, source:
        sink.settimeout(1)
        sink.bind((address, PORT))
        for length in lengths:
            content = random.Random(length).randbytes(length)
            source.sendto(content, (address, PORT))
            try:
                if sink.recv(CHUNK) == content:
                    arrived.append(length)
            except TimeoutError:
                pass
    return arrived


def _send(client: socket.socket, content: bytes) -> None:
    with client:
        client.sendall(content)
