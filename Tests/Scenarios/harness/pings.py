"""Pings from one pod to another, while something happens."""

import re
import signal
import subprocess
import time

from .daemons import ESP_PORT
from .packets import SealedPacket, concerns
from .topology import Pod, TwoNodes

FAMILIES = (4, 6)
ANSWER = re.compile(r"icmp_seq=(\d+) ttl=")
SENT = re.compile(r"(\d+) packets transmitted")
# Of pings that are sent every 10 ms: a tenth of a second, on a machine that has other things to do.
ON_THE_WAY = 10


class Pings:
    """Pings of both families while the context lasts, and what the wire sees meanwhile."""

    def __init__(self, net: TwoNodes, client: Pod, server: Pod) -> None:
        self._net, self._client, self._server = net, client, server
        self.sent = self.lost = 0
        self.clear: list[bytes] = []

    def __enter__(self) -> "Pings":
        self._tap = self._net.wire.tap("to-node-b")
        self._tap.__enter__()
        self._pings = [self._ping(family) for family in FAMILIES]
        time.sleep(0.3)
        return self

    def __exit__(self, *exception: object) -> None:
        time.sleep(0.3)
        for ping in self._pings:
            ping.send_signal(signal.SIGINT)
            self._count(ping.communicate(timeout=5)[0])
        self._tap.__exit__(*exception)
        self.clear = [frame for frame in self._tap.frames if concerns(frame, self._net.protected)]

    def _count(self, output: str) -> None:
        answered = {int(number) for number in ANSWER.findall(output)}
        sent = int(SENT.search(output)[1])
        # The last answers may have been on their way when the ping was told to end.
        missing = set(range(1, sent + 1 - ON_THE_WAY)) - answered
        self.sent += sent
        self.lost += len(missing)

    @property
    def sealed(self) -> int:
        return sum(SealedPacket.parse(frame, ESP_PORT) is not None for frame in self._tap.frames)

    def _ping(self, family: int) -> subprocess.Popen:
        return subprocess.Popen(
            ["nsenter", f"--net={self._client.namespace.path}", "ping", f"-{family}", "-n", "-i", "0.01",
             self._server.address(family)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
