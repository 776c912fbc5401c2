# SPDX-License-Identifier: Apache-2.0
"""Either daemon is killed at each of the writes to its kernel's maps that a change of keys takes."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from harness.daemons import Daemon
from harness.fate import Fate
from harness.kernel_writes import KernelWrites
from harness.waiting import wait

if TYPE_CHECKING:
    from scenario import EveryStep

# An SA each way, what goes with it, and what retires those of before.
LEAST_WRITES = 4
# The daemon writes other things now and then: where these were counted in, the last are not reached.
MOST_OTHERS, TRIES = 4, 3
ENDS_SECONDS = 5
# Two for packets on their way, and a look.
RETIRED_SECONDS = 3


def kills_at_writes(steps: EveryStep) -> None:
    for victim in (steps.a, steps.b):
        name = victim.node.name
        writes = KernelWrites(steps.run)
        victim.stop()
        victim.start(*writes.prefix)
        steps.report.step(f"5. kill -9 of {name} at each of its writes to the kernel's maps; node-a asks")
        wait(lambda: steps.epoch() is not None)
        count = writes_of_a_change(steps, writes)
        steps.report.expect("a change of keys takes some", count >= LEAST_WRITES, f"{count} writes")
        reached = 0
        while reached < count:
            before = steps.epoch()
            if not any(is_killed_at(reached + 1, steps, victim, writes) for _ in range(TRIES)):
                break
            reached += 1
            steps.expect_others(f"write {reached}, {name} killed", before)
        steps.report.expect("each of them was reached", reached >= count - MOST_OTHERS, f"{reached} of {count}")


def writes_of_a_change(steps: EveryStep, writes: KernelWrites) -> int:
    """The older SAs are retired a moment later: that is part of it."""
    writes.plan()
    before = steps.epoch()
    steps.rekey().wait(30)
    wait(lambda: steps.epoch() not in (before, None))
    time.sleep(RETIRED_SECONDS)
    return writes.count


def is_killed_at(place: int, steps: EveryStep, victim: Daemon, writes: KernelWrites) -> bool:
    """Once more where the change was done before it came to that."""
    writes.plan(Fate.KILL, place)
    asking = steps.rekey()
    killed = wait(lambda: not victim.is_running, ENDS_SECONDS)
    writes.plan()
    if killed:
        victim.stop(signal.SIGKILL)
        victim.start(*writes.prefix)
    asking.wait(60)
    return killed
