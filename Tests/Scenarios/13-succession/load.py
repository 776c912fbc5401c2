# SPDX-License-Identifier: Apache-2.0
"""What runs between the two pods while CAs follow one another."""

from handshakes import Handshakes
from harness.daemons import Daemon
from harness.lifetime import Run
from harness.report import Report
from harness.topology import TwoNodes
from harness.traffic import Traffic

TCP_RATE, UDP_RATE = 2_000_000, 500
LEAST_HANDSHAKES = 10


class Load:
    """A TCP connection, datagrams both ways, and handshakes with what the pods have at the moment. Begins at once."""

    def __init__(self, run: Run, net: TwoNodes, ends: tuple[tuple[Daemon, str], tuple[Daemon, str]]) -> None:
        self._traffic = Traffic(run, net.a.pods["web-0"], net.b.pods["db-0"], TCP_RATE, UDP_RATE)
        self._handshakes = Handshakes(run, ends)
        self._daemons = [daemon for daemon, _ in ends]
        self._dropped = self._drops()

    def end(self, report: Report) -> None:
        """Nothing may have come of what happened meanwhile."""
        self._handshakes.stop()
        carried = self._traffic.stop()
        report.expect("the TCP connection of the whole time is whole", carried.tcp.is_whole, f"{carried.tcp.sent / 1e6:.0f} MB")
        for name, stream in carried.udp.items():
            report.expect(
                f"UDP {name}: nothing is lost, nothing comes twice",
                stream.lost == 0 and stream.repeated == 0 and stream.sent > 0, f"{stream.lost} of {stream.sent} lost")
        made, failures = self._handshakes.made, self._handshakes.failures
        dropped = self._drops()
        report.expect("no kernel has dropped anything", dropped == self._dropped, f"{self._dropped}, then {dropped}")
        report.expect("no handshake failed", made > LEAST_HANDSHAKES and not failures, f"{made} made; {failures[:3]}")

    def _drops(self) -> dict[str, dict[str, int]]:
        return {daemon.node.name: daemon.drops() for daemon in self._daemons}
