# SPDX-License-Identifier: Apache-2.0
"""Both daemons stand still for longer than keys live, as on machines that sleep: the kernels go on alone."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from harness import workloads
from harness.streams import ByteStream, Datagrams, DatagramStream
from harness.waiting import wait

if TYPE_CHECKING:
    from scenario import Life

EPOCH_SECONDS = 10
# Certificates of a minute are renewed at half of it: they outlive this.
STANDSTILL_SECONDS = 2 * EPOCH_SECONDS + 2
RECOVERY_SECONDS = 5
# A datagram every few milliseconds, on a machine that has other things to do.
TOLERANCE_SECONDS = 0.5
TCP_PORT, UDP_PORT = 7004, 7005
TCP_RATE, UDP_RATE = 1_000_000, 200
EXPIRED = "sa-expired"


def stand_still(life: Life) -> None:
    life.report.step(f"13. Both daemons stand still for {STANDSTILL_SECONDS} s; keys live for {2 * EPOCH_SECONDS} at most")
    before = {daemon.node.name: daemon.drops().get(EXPIRED, 0) for daemon in (life.a, life.b)}
    tcp = ByteStream(life.run, life.web, life.db, 4, TCP_PORT, TCP_RATE)
    udp = DatagramStream(life.run, life.web, life.db, 4, UDP_PORT, UDP_RATE)
    asked = time.monotonic()
    life.a.psid("peers", "rekey")
    epoch, stopped = life.epoch(), time.monotonic()
    for daemon in (life.a, life.b):
        daemon.tell(signal.SIGSTOP)
    time.sleep(STANDSTILL_SECONDS)
    silent = not workloads.ping(life.web, life.db)
    for daemon in (life.a, life.b):
        daemon.tell(signal.SIGCONT)
    begin = time.monotonic()
    recovered = wait(lambda: workloads.ping(life.web, life.db), RECOVERY_SECONDS)
    duration = time.monotonic() - begin
    life.report.expect("in the end nothing passes", silent)
    life.report.expect("once they go on, so does the traffic, soon", recovered, f"{duration:.1f} s later")
    life.report.expect("under new keys", wait(lambda: life.epoch() not in (epoch, None)), life.epoch())
    judge(life, udp.stop(), (asked, stopped), begin + duration)
    expired = {daemon.node.name: daemon.drops().get(EXPIRED, 0) - before[daemon.node.name] for daemon in (life.a, life.b)}
    life.report.expect(f"the kernels have dropped for {EXPIRED}", expired["node-a"] > 0, expired)
    carried = tcp.stop()
    pause = f"longest pause {carried.longest_pause / 1e9:.1f} s"
    life.report.expect("a TCP connection of that time is whole", carried.is_whole, f"{carried.sent / 1e6:.0f} MB, {pause}")


def judge(life: Life, udp: Datagrams, agreed: tuple[float, float], recovered: float) -> None:
    """What was lost lies between the keys' end and the recovery, and nothing else; they were agreed on within `agreed`."""
    earliest, latest = (moment + 2 * EPOCH_SECONDS for moment in agreed)
    first = udp.lost_at[0] / 1e9 if udp.lost_at else None
    at = f"{first - agreed[1]:.1f} s after the daemons had stopped" if first else "nothing was lost"
    life.report.expect(
        "keys end at their deadline, not before and not after",
        first is not None and earliest - TOLERANCE_SECONDS <= first <= latest + TOLERANCE_SECONDS, at,
    )
    most = int((recovered - earliest + TOLERANCE_SECONDS) * UDP_RATE)
    life.report.expect(
        "only from then on something is lost, until they go on, and nothing comes twice",
        0 < udp.lost <= most and not udp.repeated, f"{udp.lost} of {udp.sent} datagrams lost, at most {most}",
    )
