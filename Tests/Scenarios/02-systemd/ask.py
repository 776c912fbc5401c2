#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Asks the Workload API for X.509-SVIDs and prints their SPIFFE IDs, or that there are none. Runs on a machine where nothing
is installed for it."""

import re
import socket

from bare_grpc import Answers, call

PATH = "/run/podshield/agent/api.sock"


def ask() -> list[bytes]:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(PATH)
    connection.sendall(call("FetchX509SVID"))
    answers = Answers()
    while True:
        received = connection.recv(65536)
        if not received:
            raise ConnectionError("closed without an answer")
        for message in answers.feed(received):
            # Field 1 of each SVID, an ID of less than 128 bytes.
            return re.findall(rb"\x0a.(spiffe://[a-z./-]+)\x12", message)
        if answers.has_ended:
            return []


if __name__ == "__main__":
    print(b" ".join(ask()).decode() or "nothing")
