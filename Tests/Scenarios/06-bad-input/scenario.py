# SPDX-License-Identifier: Apache-2.0
"""Everything an operator or a machine can get wrong: see README.md beside this file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import canaries  # noqa: E402
import joins  # noqa: E402
import memory  # noqa: E402
from asking import REQUESTS, refused  # noqa: E402
from box import Box  # noqa: E402
from devices import Devices  # noqa: E402
from running import Running  # noqa: E402
from stalls import Stalls  # noqa: E402
from starts import STARTS, start_refused, without_btf  # noqa: E402

from harness.lifetime import Run  # noqa: E402
from harness.report import Report  # noqa: E402

TIME_LIMIT_SECONDS = 500
TITLE = "Bad input: one line that says what and where, a documented exit status, nothing lost"


def play(run: Run, report: Report) -> None:
    box = Box(run, report)
    box.begin()
    report.step("1. Starts that are refused")
    for start in STARTS:
        start_refused(box, start)
    box.is_as_before("after all of them")
    report.step("2. A kernel without BTF")
    without_btf(box)
    box.daemon.start()
    b = joins.play(box)
    running = Running(box, b)
    stalls = Stalls(box, b)
    stalls.begin()
    report.step("5. Requests that make no sense")
    for request in REQUESTS:
        refused(box, request)
    stalls.end()
    running.frozen()
    running.vanished()
    running.full_tables()
    running.full_ring()
    running.full_disk()
    devices = Devices(box)
    devices.late()
    devices.plugged_in()
    devices.without_room()
    canaries.play(box, (box.daemon, b))
    memory.play(box)
