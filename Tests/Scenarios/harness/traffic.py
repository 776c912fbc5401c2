# SPDX-License-Identifier: Apache-2.0
"""What runs between two pods while other things happen: one TCP connection, and datagrams both ways."""

import time
from dataclasses import dataclass, field
from typing import Optional

from .lifetime import Run
from .report import Report
from .streams import Bytes, ByteStream, Datagrams, DatagramStream
from .topology import Pod

TCP_PORT, UDP_PORT = 7001, 7002


@dataclass
class Calendar:
    """When what was done: to say what a loss belongs to."""

    steps: list[tuple[int, str]] = field(default_factory=list)

    def note(self, name: str) -> None:
        self.steps.append((time.monotonic_ns(), name))

    def at(self, moment: int) -> str:
        return next((name for begin, name in reversed(self.steps) if begin <= moment), "before the first step")


@dataclass(frozen=True)
class Carried:
    """What became of it."""

    tcp: Bytes
    udp: dict[str, Datagrams]

    @property
    def loss(self) -> float:
        """The part of all datagrams that did not arrive."""
        return sum(stream.lost for stream in self.udp.values()) / sum(stream.sent for stream in self.udp.values())

    def expect_no_more_lost(self, report: Report, plain: "Carried", calendar: Optional[Calendar] = None) -> None:
        """No connection broken, no datagram twice, and no more of them lost than of the `plain` path's."""
        pause = f"longest pause {self.tcp.longest_pause / 1e6:.0f} ms" + (f" at {calendar.at(self.tcp.pause_at)}" if calendar else "")
        report.expect("the TCP connection of the whole time is whole", self.tcp.is_whole, f"{self.tcp.sent / 1e6:.0f} MB, {pause}")
        for name, stream in self.udp.items():
            allowed = int(plain.loss * stream.sent)
            moments = sorted({calendar.at(moment) for moment in stream.lost_at}) if calendar else []
            losses = f"{stream.lost} of {stream.sent} datagrams lost, {allowed} would be allowed, {stream.repeated} twice"
            report.expect(
                f"UDP {name}: no more is lost than in the clear, nothing comes twice",
                stream.lost <= allowed and not stream.repeated and stream.received > 0, "; ".join([losses, *moments]),
            )


class Traffic:
    """Begins at once. Rates: bytes a second of TCP, 0 for all that the machine can; datagrams a second, each way."""

    def __init__(self, run: Run, left: Pod, right: Pod, tcp_rate: int, udp_rate: int) -> None:
        self._tcp = ByteStream(run, left, right, 4, TCP_PORT, tcp_rate)
        self._udp = {
            f"{source.name} to {target.name}, IPv{family}": DatagramStream(run, source, target, family, UDP_PORT, udp_rate)
            for source, target, family in ((left, right, 6), (right, left, 4))
        }

    def stop(self) -> Carried:
        udp = {name: stream.stop() for name, stream in self._udp.items()}
        return Carried(self._tcp.stop(), udp)
