#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A workload that keeps its stream of FetchX509SVID open: hold.py SOCKET. Prints a JSON document for each message and one for the
stream's end, with the moment in nanoseconds of the monotonic clock; of a message how many SVIDs and which lists are in it."""

import hashlib
import json
import socket
import sys
import time
from pathlib import Path
from typing import Any, Iterator

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "harness"))

from bare_grpc import Answers, call, more

# Of X509SVIDResponse in the SPIFFE Workload API.
SVIDS, LISTS = 1, 2
LENGTH_DELIMITED = 2


def say(**facts: Any) -> None:
    print(json.dumps({"at": time.monotonic_ns(), **facts}), flush=True)


def number(message: bytes, place: int) -> tuple[int, int]:
    """The variable-length number there, and the place behind it."""
    value = shift = 0
    while True:
        value |= (message[place] & 0x7F) << shift
        shift, place = shift + 7, place + 1
        if message[place - 1] < 0x80:
            return value, place


def fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(message):
        tag, place = number(message, place)
        assert tag & 7 == LENGTH_DELIMITED, tag
        size, place = number(message, place)
        yield tag >> 3, message[place:place + size]
        place += size


def main(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(call("FetchX509SVID"))
        answers = Answers()
        while not answers.has_ended and (received := connection.recv(65536)):
            for message in answers.feed(received):
                found = list(fields(message))
                lists = b"".join(value for field, value in found if field == LISTS)
                say(svids=sum(field == SVIDS for field, _ in found), lists=hashlib.sha256(lists).hexdigest())
            connection.sendall(more(len(received)))
        say(ended=True)


if __name__ == "__main__":
    main(sys.argv[1])
