# SPDX-License-Identifier: Apache-2.0
"""The clock of a running node is set, ahead and back, a little and much: what certificates outlive, the traffic does not notice."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Optional

from harness.clock import Clock
from harness.commands import CommandFailed
from harness.waiting import wait

if TYPE_CHECKING:
    from scenario import Life

SKEWED = "PSD3016"
# The authority dates certificates back by ten seconds: less does nothing, more is said.
DATED_BACK_SECONDS = 10
LITTLE, MUCH = (7, -7), (13, -13)
SPARE = "spare-0"
RENEWAL_SECONDS = 10


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


def _found(life: Life, code: str) -> list[str]:
    return [finding["message"] for finding in life.b.ask("status")["findings"] if finding["code"] == code]
