# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""What a case expects of a run."""

import time
from typing import Callable

from .abi import Hook, Reason
from .datapath import Result, Verdict


def passed(result: Result, *reasons: Reason) -> None:
    """It went on by the stack, counted by exactly these reasons, without an event."""
    _fate(result, Verdict.PASS, *reasons)
    assert not result.events, "what passes makes no noise"


def redirected(result: Result, *reasons: Reason) -> None:
    """It was sent to another device."""
    _fate(result, Verdict.REDIRECT, *reasons)
    assert not result.events, "what passes makes no noise"


def dropped(result: Result, reason: Reason, hook: Hook) -> None:
    """It ended here, counted once, with one event that says why and where."""
    _fate(result, Verdict.DROP, reason)
    told(result, reason, hook)


def answered(result: Result, reason: Reason, hook: Hook) -> None:
    """It ended here, and the frame is now an answer on its way back."""
    _fate(result, Verdict.REDIRECT, reason)
    told(result, reason, hook)


def told(result: Result, reason: Reason, hook: Hook) -> None:
    """One event, with this reason at this hook."""
    events = [(Reason(event.reason), Hook(event.hook)) for event in result.events]
    assert events == [(reason, hook)]
    assert result.events[0].boot_ns > 0


def _fate(result: Result, verdict: Verdict, *reasons: Reason) -> None:
    counted = {reason.name: packets for reason, (packets, _) in result.counted.items()}
    assert (result.verdict, counted) == (verdict, dict.fromkeys((reason.name for reason in reasons), 1))


def eventually(condition: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether it comes true in time: packets between devices may take another CPU's while."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
