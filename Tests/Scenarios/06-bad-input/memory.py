# SPDX-License-Identifier: Apache-2.0
"""No dump is made of a daemon, in which its keys would be, and no other program of its user reads its memory."""

import os
import subprocess
from pathlib import Path

from box import Box

from harness.waiting import wait

GROUP = 4711
AS_GROUP = ("setpriv", "--regid", str(GROUP), "--keep-groups")
SECONDS = 10


def group_of_memory(process: int) -> int:
    """The kernel gives a program's memory to the program's group, and that of one that must not be dumped to root's."""
    return os.stat(f"/proc/{process}/mem").st_gid


def play(box: Box) -> None:
    box.report.step("16. Memory that could be dumped")
    other = subprocess.Popen([*AS_GROUP, "sleep", "600"])
    box.run.at_end(other.wait)
    box.run.at_end(other.kill)
    runs = wait(lambda: Path(f"/proc/{other.pid}/comm").read_text() == "sleep\n", SECONDS)
    box.report.expect("that of another program could be", runs and group_of_memory(other.pid) == GROUP)
    box.daemon.stop()
    box.daemon.start(*AS_GROUP)
    status = Path(f"/proc/{box.daemon.process_id}/status").read_text()
    group = next(line.split()[1] for line in status.splitlines() if line.startswith("Gid:"))
    seen = group_of_memory(box.daemon.process_id)
    box.report.expect("the daemon's could not", int(group) == GROUP and seen == 0, f"it runs as group {group}, group {seen} has its memory")
