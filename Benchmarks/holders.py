# SPDX-License-Identifier: Apache-2.0
"""Processes that hold all X.509-SVIDs of their user, one for each of several users: SOCKET FIRST-USER USERS. Prints each second
how many are held, how many were new, by the second in which they were issued, how many of those held have expired, and how
many seconds the one has left that ends first."""

import calendar
import collections
import os
import re
import select
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Tests/Scenarios/harness"))

from bare_grpc import Answers, call, more

ROOM = 1 << 24
# Both times of a certificate's validity, before 2050 (RFC 5280 section 4.1.2.5.1).
VALIDITY = re.compile(rb"\x30\x1e\x17\x0d(\d{12})Z\x17\x0d(\d{12})Z")
# Certificates date back by this much.
BACKDATING_SECONDS = 10


def open_stream(path: str, user: int) -> socket.socket:
    """As that user: who connects is what counts."""
    os.setresuid(user, user, 0)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    os.setresuid(0, 0, 0)
    connection.sendall(call("FetchX509SVID") + more(ROOM))
    return connection


class Holder:
    def __init__(self, path: str, user: int) -> None:
        self._path, self._user = path, user
        self.held: dict[bytes, tuple[int, int]] = {}
        self.open()

    def open(self) -> None:
        """Anew, as a client does whose stream has ended: what it holds it holds on to."""
        self.socket = open_stream(self._path, self._user)
        self._answers = Answers()

    def read(self) -> bool:
        """Whether what is held has become another."""
        received = self.socket.recv(1 << 20)
        messages = self._answers.feed(received)
        if not received or self._answers.has_ended:
            raise ConnectionError("the stream has ended")
        self.socket.sendall(more(len(received)))
        for message in messages:
            self._take(message)
        return bool(messages)

    def _take(self, message: bytes) -> None:
        """Leaves by what stands around their validity: a leaf's is shorter than a CA's."""
        found = {}
        for match in VALIDITY.finditer(message):
            begin, end = (calendar.timegm(time.strptime(text.decode(), "%y%m%d%H%M%S")) for text in match.groups())
            if end - begin < 3600:
                # What follows is the subject and the key, which is another in every certificate.
                found[message[match.end():match.end() + 160]] = (begin, end)
        self.held = found


def main(path: str, first: int, users: int) -> None:
    holders = {holder.socket.fileno(): holder for holder in (Holder(path, first + user) for user in range(users))}
    poll = select.epoll()
    for number in holders:
        poll.register(number, select.EPOLLIN)
    expired, tell_at = 0, time.time() + 1
    ended: list[Holder] = []
    ended_in_all = 0
    renewed: collections.Counter = collections.Counter()
    while True:
        for number, _ in poll.poll(max(tell_at - time.time(), 0)):
            holder = holders[number]
            before = holder.held
            try:
                has_news = holder.read()
            except ConnectionError:
                # Who asks while thousands are issued is told to try again.
                poll.unregister(number)
                holders.pop(number).socket.close()
                ended.append(holder)
                continue
            if has_news:
                renewed.update(begin + BACKDATING_SECONDS for key, (begin, _) in holder.held.items() if key not in before)
        now = time.time()
        if now < tell_at:
            continue
        tell_at = now + 1
        for holder in ended:
            holder.open()
            holders[holder.socket.fileno()] = holder
            poll.register(holder.socket.fileno(), select.EPOLLIN)
        ended_in_all, ended = ended_in_all + len(ended), []
        ends = [end for holder in holders.values() for _, end in holder.held.values()]
        expired += sum(end <= now for end in ends)
        print("held", len(ends))
        print("expired", expired)
        print("ended", ended_in_all)
        if ends:
            print("left", min(ends) - now)
        for second, count in sorted(renewed.items()):
            print("renewed", second, count)
        renewed.clear()
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
