# SPDX-License-Identifier: Apache-2.0
"""Processes of one user at the Workload API's socket: SOCKET USER CONNECTIONS. Each connection asks for X.509-SVIDs once the
one before has its own, and stays. Prints a line for each message: the connection, and when it came, in nanoseconds of the
monotonic clock; of the first, also how long it took from the connecting on."""

import os
import selectors
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Tests/Scenarios/harness"))

from bare_grpc import Answers, call, more

PATIENCE_SECONDS = 60


class Stream:
    def __init__(self, path: str) -> None:
        self.begin = time.monotonic_ns()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.connect(path)
        self.socket.sendall(call("FetchX509SVID"))
        self._answers = Answers()

    def messages(self) -> int:
        """How many are complete with what comes next."""
        received = self.socket.recv(65536)
        count = len(self._answers.feed(received))
        if not received or self._answers.has_ended:
            raise ConnectionError("the stream has ended")
        self.socket.sendall(more(len(received)))
        return count


def main(path: str, user: int, count: int) -> None:
    os.setgid(user)
    os.setuid(user)
    selector = selectors.DefaultSelector()
    for number in range(count):
        stream = Stream(path)
        while not stream.messages():
            pass
        now = time.monotonic_ns()
        print(number, now, now - stream.begin)
        selector.register(stream.socket, selectors.EVENT_READ, (number, stream))
    print("all", flush=True)
    while True:
        for key, _ in selector.select():
            number, stream = key.data
            if stream.messages():
                print(number, time.monotonic_ns(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
