"""What every path has: its machines, how the client reaches the server, and what it costs to keep."""

import re
from pathlib import Path as File

from harness.lifetime import Run
from machines import Machines

RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)


class Path:
    """One way between the pods. `name` is its key in the results, `title` its column."""

    name = ""
    title = ""
    carries_udp = True

    def __init__(self, run: Run) -> None:
        self.run = run
        self.machines = Machines(run, self.name)
        self.set_up()

    def set_up(self) -> None:
        """Makes of the plain topology this path. What it starts ends with the run."""

    @property
    def address(self) -> str:
        """What the client dials to reach the server."""
        return self.machines.server.v4

    def processes(self) -> tuple[int, ...]:
        """The programs that the path needs, of both machines."""
        return ()

    def memory_bytes(self) -> int:
        """What the path holds in memory at both ends together."""
        return sum(map(resident_bytes, self.processes()))


def resident_bytes(process: int) -> int:
    found = RESIDENT.search(File(f"/proc/{process}/status").read_text())
    if not found:
        raise RuntimeError(f"process {process} has ended")
    return int(found[1]) * 1024
