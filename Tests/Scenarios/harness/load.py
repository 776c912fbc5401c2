#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One end of a stream between two pods: load.py udp-send|udp-receive|tcp-send|tcp-receive ADDRESS PORT [RATE]

Runs inside a pod until SIGTERM and closes with one line of JSON, what it saw. Everything that is sent is numbered, and
carries when it was sent, in nanoseconds of the monotonic clock that all pods of a machine share. RATE is datagrams a second
of UDP, bytes a second of TCP (0: as fast as it goes)."""

import json
import signal
import socket
import struct
import sys
import time
from array import array

DATAGRAM = struct.Struct("!QQ")
DATAGRAM_BYTES = 256
# Datagrams are sent in little groups: sleeping for each would take more time than sending.
TICKS_PER_SECOND = 200
CHUNK_BYTES = 1 << 16
INDEX = struct.Struct("!Q")
CHUNK_BODY = bytes(range(256)) * (CHUNK_BYTES // 256)
SO_MAX_PACING_RATE = 47
RECEIVE_BUFFER = 8 << 20
SO_RCVBUFFORCE = 33
NEVER = 0
MISSING_SHOWN = 1000

stopped = False


def stop(*_: object) -> None:
    global stopped
    stopped = True


def family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def udp_send(address: str, port: int, rate: int) -> dict:
    sock = socket.socket(family(address), socket.SOCK_DGRAM)
    sent = refused = 0
    padding = bytes(DATAGRAM_BYTES - DATAGRAM.size)
    due, step = time.monotonic(), 1 / TICKS_PER_SECOND
    while not stopped:
        for _ in range(rate // TICKS_PER_SECOND):
            try:
                sock.sendto(DATAGRAM.pack(sent, time.monotonic_ns()) + padding, (address, port))
            except OSError:
                refused += 1
            sent += 1
        due += step
        time.sleep(max(due - time.monotonic(), 0))
    return {"sent": sent, "refused": refused}


def udp_receive(address: str, port: int, _: int) -> dict:
    sock = socket.socket(family(address), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    sock.bind((address, port))
    sock.settimeout(0.05)
    # By number: when it was sent.
    sent_at = array("Q")
    received = repeated = 0
    last_arrival, first_sent, last_sent = NEVER, NEVER, NEVER
    while not stopped:
        try:
            number, moment = DATAGRAM.unpack_from(sock.recv(2048))
        except TimeoutError:
            continue
        if number >= len(sent_at):
            sent_at.extend([NEVER] * (number + 1 - len(sent_at)))
        if sent_at[number] != NEVER:
            repeated += 1
            continue
        sent_at[number] = moment
        received += 1
        last_arrival, last_sent = time.monotonic_ns(), moment
        first_sent = first_sent or moment
    return {
        "received": received, "repeated": repeated, "first_sent": first_sent, "last_sent": last_sent,
        "last_arrival": last_arrival, "lost_at": lost_at(sent_at),
    }


def lost_at(sent_at: array) -> list[int]:
    """About when each of the first that are missing was sent: when the one before it was."""
    moments, before = [], NEVER
    for moment in sent_at:
        if moment == NEVER:
            moments.append(before)
        else:
            before = moment
    return moments[:MISSING_SHOWN]


def tcp_send(address: str, port: int, rate: int) -> dict:
    sock = socket.create_connection((address, port), timeout=10)
    if rate:
        sock.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, rate)
    # What waits in the kernel is read by the receiver before it can answer: no longer than a moment.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    sock.settimeout(None)
    sent = 0
    while not stopped:
        sock.sendall(INDEX.pack(sent) + CHUNK_BODY[INDEX.size :])
        sent += 1
    sock.shutdown(socket.SHUT_WR)
    sock.settimeout(20)
    answer = sock.recv(INDEX.size)
    return {"sent": sent * CHUNK_BYTES, "confirmed": INDEX.unpack(answer)[0] if len(answer) == INDEX.size else None}


def tcp_receive(address: str, port: int, _: int) -> dict:
    listener = socket.create_server((address, port), family=family(address))
    connection, _ = listener.accept()
    connection.settimeout(30)
    buffer, filled = bytearray(CHUNK_BYTES), 0
    chunks = wrong = 0
    pause, pause_at, last = 0, NEVER, time.monotonic_ns()
    while count := connection.recv_into(memoryview(buffer)[filled:]):
        now = time.monotonic_ns()
        if now - last > pause:
            pause, pause_at = now - last, last
        last, filled = now, filled + count
        if filled == CHUNK_BYTES:
            wrong += bytes(buffer) != INDEX.pack(chunks) + CHUNK_BODY[INDEX.size :]
            chunks, filled = chunks + 1, 0
    total = chunks * CHUNK_BYTES + filled
    connection.sendall(INDEX.pack(total))
    connection.close()
    return {"received": total, "wrong": wrong, "longest_pause": pause, "pause_at": pause_at}


ROLES = {"udp-send": udp_send, "udp-receive": udp_receive, "tcp-send": tcp_send, "tcp-receive": tcp_receive}


def main(role: str, address: str, port: str, rate: str = "0") -> int:
    signal.signal(signal.SIGTERM, stop)
    print(json.dumps(ROLES[role](address, int(port), int(rate))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
