# SPDX-License-Identifier: Apache-2.0
"""No dump is made of a daemon, in which its keys would be, and no other program of its user reads its memory."""

import os
import signal
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


def is_dumped(process: int) -> bool:
    """Whether the kernel says that it made a dump of this child when it was told to abort."""
    os.kill(process, signal.SIGABRT)
    _, status = os.waitpid(process, 0)
    return os.WCOREDUMP(status)


def play(box: Box) -> None:
    box.report.step("16. Memory that could be dumped")
    # A dump goes where the program is, and is as large as it likes. As under systemd, the Swift runtime leaves the signal alone.
    dumps = box.run.directory / "dumps"
    dumps.mkdir()
    willing = ("prlimit", "--core=unlimited", "env", "-C", str(dumps), "SWIFT_BACKTRACE=enable=no", *AS_GROUP)
    other = subprocess.Popen([*willing, "sleep", "600"])
    box.run.at_end(other.wait)
    box.run.at_end(other.kill)
    runs = wait(lambda: Path(f"/proc/{other.pid}/comm").read_text() == "sleep\n", SECONDS)
    box.report.expect("that of another program could be", runs and group_of_memory(other.pid) == GROUP)
    box.report.expect("and is, when it aborts", is_dumped(other.pid))
    before = list(dumps.iterdir())
    box.daemon.stop()
    box.daemon.start(*willing)
    status = Path(f"/proc/{box.daemon.process_id}/status").read_text()
    group = next(line.split()[1] for line in status.splitlines() if line.startswith("Gid:"))
    seen = group_of_memory(box.daemon.process_id)
    box.report.expect("the daemon's could not", int(group) == GROUP and seen == 0, f"it runs as group {group}, group {seen} has its memory")
    dumped = is_dumped(box.daemon.process_id)
    box.report.expect("and is not", not dumped and list(dumps.iterdir()) == before)
