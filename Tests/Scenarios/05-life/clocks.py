# SPDX-License-Identifier: Apache-2.0
"""The clock of a running node is set, ahead and back, a little and much: what certificates outlive, the traffic does not notice."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Optional

from harness import workloads
from harness.clock import Clock
from harness.commands import CommandFailed
from harness.streams import DatagramStream
from harness.waiting import wait

if TYPE_CHECKING:
    from scenario import Life

SKEWED, EXPIRED = "PSD3016", "PSD3003"
# The authority dates certificates back by ten seconds: less does nothing, more is said.
DATED_BACK_SECONDS = 10
LITTLE, MUCH = (7, -7), (13, -13)
SPARE = "spare-0"
# Beyond the end of every certificate there is.
FAR = 100_000
# Pods are looked at every five seconds, and so is the clock.
FAR_SECONDS = 15
RENEWAL_SECONDS, RECOVERY_SECONDS = 10, 20
PORT, RATE = 7008, 200


def set_clocks(life: Life) -> None:
    life.report.step("10. node-b's clock is set while it runs: ahead and back, a little and much")
    life.calendar.note("node-b sees another clock")
    life.clock = Clock(life.run)
    life.b.stop(signal.SIGKILL)
    life.b.start(*life.clock.prefix)
    life.report.expect("it is back", wait(lambda: life.epoch() is not None))
    for seconds in (*LITTLE, *MUCH):
        set_by(life, seconds)
    life.clock.step(0)


def set_by(life: Life, seconds: int) -> None:
    life.calendar.note(f"clock by {seconds} s")
    life.clock.step(seconds)
    # By a clock that is behind by more, a certificate that is new is one of the future, for some seconds.
    renewed = wait(lambda: _rekey(life), RENEWAL_SECONDS)
    life.report.expect(f"{seconds:+} s: keys are renewed", renewed, renewed)
    _have_something_issued(life)
    found = _found(life, SKEWED)
    if abs(seconds) < DATED_BACK_SECONDS:
        life.report.expect(f"{seconds:+} s: nothing is found", not found, found or None)
    else:
        direction = "ahead of" if seconds > 0 else "behind"
        life.report.expect(f"{seconds:+} s: it is found", any(direction in message for message in found), found)


def _rekey(life: Life) -> Optional[str]:
    """The new epoch."""
    try:
        return life.a.ask("peers", "rekey")["outcomes"][0].get("epoch")
    except CommandFailed:
        return None


def _have_something_issued(life: Life) -> None:
    """The clocks are compared with each certificate, also with one that is taken for not yet valid: such a pod is added in vain."""
    pod = life.net.b.pods.get(SPARE) or life.net.add_pod(life.net.b, SPARE, 30)
    with suppress(CommandFailed):
        life.b.add_pod(pod, "db", "db")
    life.b.psid("pod", "remove", SPARE)


def set_far_ahead(life: Life) -> None:
    life.report.step("12. node-b's clock is set beyond the end of every certificate, and right again")
    wait(lambda: _rekey(life), RENEWAL_SECONDS)
    before = life.epoch()
    udp = DatagramStream(life.run, life.web, life.db, 4, PORT, RATE)
    life.clock.step(FAR)
    found = wait(lambda: life.b.finding(EXPIRED), FAR_SECONDS)
    life.report.expect("node-b says that its SVID has expired", bool(found), found and found["message"])
    silent = wait(lambda: not workloads.ping(life.web, life.db), FAR_SECONDS)
    life.report.expect("and lets nothing of its pod pass", silent)
    life.clock.step(0)
    began = time.monotonic()
    back = wait(lambda: workloads.ping(life.web, life.db), RECOVERY_SECONDS)
    life.report.expect("set right, its pod is reached again", back, f"{time.monotonic() - began:.1f} s later")
    life.report.expect("under new keys", wait(lambda: life.epoch() not in (before, None)), life.epoch())
    life.report.expect("and it has its authority", wait(lambda: _reaches_authority(life)))
    seen = udp.stop()
    holds = 0 < seen.lost < seen.sent and not seen.repeated
    life.report.expect("a stream of that time goes on, nothing comes twice", holds, f"{seen.lost} of {seen.sent} lost")


def _reaches_authority(life: Life) -> bool:
    with suppress(CommandFailed):
        return life.b.reaches_authority
    return False


def _found(life: Life, code: str) -> list[str]:
    return [finding["message"] for finding in life.b.ask("status")["findings"] if finding["code"] == code]
