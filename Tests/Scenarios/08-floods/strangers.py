#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Connections of strangers without end: strangers.py silent|holding|half|foreign|rekeying ADDRESS PORT SECONDS CREDENTIALS SOURCE...

silent says nothing, holding neither and for as long as it may, half sends half of a TLS ClientHello, foreign shows a certificate (the file CREDENTIALS) that nobody here
has signed, rekeying none, and changes keys once it is let in as one that may want to join. Each SOURCE, an address of this machine, has many at once, one alone very many. Closes with one line of JSON: how many
connections were opened, how many of them the other end has closed, and how many were let in."""

import json
import socket
import ssl
import struct
import sys
import threading
import time
from collections import Counter

from key_updates import KeyUpdates

WORKERS, WORKERS_OF_ONE = 24, 384
ANSWER_SECONDS = 1.0
# Longer than anybody waits for a stranger's first word.
HOLDING_SECONDS = 15
REFUSED_SECONDS, REFUSAL_PAUSE_SECONDS = 1, 0.5
VERDICT_SECONDS = 10
TEN_SECONDS = struct.pack("ll", 10, 0)
# What the other end has not read yet, the sockets hold.
MOST_KEY_CHANGES = 100_000
# A refusal costs the stranger a moment as well: the CPU is the one that the nodes work with.
PAUSE_SECONDS = 0.02

seen: Counter = Counter()
lock = threading.Lock()


def count(what: str) -> None:
    with lock:
        seen[what] += 1


def trusting_anybody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def half_of_a_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        trusting_anybody().wrap_bio(incoming, outgoing).do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = outgoing.read()
    return hello[: len(hello) // 2]


def wait_for_the_end(connection: socket.socket) -> None:
    """What is said to a stranger does not matter; that the connection ends does."""
    while connection.recv(4096):
        pass
    count("closed")


def silent(connection: socket.socket) -> None:
    wait_for_the_end(connection)


def holding(connection: socket.socket) -> None:
    begin = time.monotonic()
    connection.settimeout(HOLDING_SECONDS)
    wait_for_the_end(connection)
    if time.monotonic() - begin < REFUSED_SECONDS:
        time.sleep(REFUSAL_PAUSE_SECONDS)


def half(connection: socket.socket) -> None:
    connection.sendall(HELLO)
    wait_for_the_end(connection)


def foreign(connection: socket.socket) -> None:
    try:
        with CONTEXT.wrap_socket(connection) as secured:
            count("passed" if is_let_in(secured) else "closed")
    except ssl.SSLError:
        count("closed")


def is_let_in(secured: ssl.SSLSocket) -> bool:
    """In TLS 1.3 the client is done before the other end has judged its certificate. Who is not sent away then, is in."""
    secured.settimeout(VERDICT_SECONDS)
    try:
        secured.recv(1)
    except (ssl.SSLError, ConnectionError):
        return False
    except TimeoutError:
        pass
    return True


def rekeying(connection: socket.socket) -> None:
    # OpenSSL waits with the socket, and has no patience of its own.
    connection.settimeout(None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, TEN_SECONDS)
    try:
        updates = KeyUpdates(connection, b"h2")
    except ConnectionError:
        return count("closed")
    went_on = all(updates.change("asking") for _ in range(MOST_KEY_CHANGES))
    updates.free()
    count("passed" if went_on else "closed")


def worker(kind: str, target: tuple[str, int], source: str, end: float) -> None:
    while time.monotonic() < end:
        try:
            with socket.create_connection(target, timeout=ANSWER_SECONDS, source_address=(source, 0)) as connection:
                count("opened")
                KINDS[kind](connection)
        except TimeoutError:
            count("kept")
        except ConnectionError:
            count("closed")
        time.sleep(PAUSE_SECONDS)


KINDS = {"silent": silent, "holding": holding, "half": half, "foreign": foreign, "rekeying": rekeying}
HELLO = half_of_a_hello()
CONTEXT = trusting_anybody()


def main(kind: str, address: str, port: str, seconds: str, credentials: str, *sources: str) -> int:
    CONTEXT.load_cert_chain(credentials)
    end = time.monotonic() + float(seconds)
    workers = WORKERS_OF_ONE if len(sources) == 1 else WORKERS
    arguments = [(kind, (address, int(port)), source, end) for source in sources for _ in range(workers)]
    threads = [threading.Thread(target=worker, args=each) for each in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({name: seen[name] for name in ("opened", "closed", "kept", "passed")}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
