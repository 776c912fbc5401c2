"""What every path has: its machines, how the client reaches the server, and what it costs to keep."""

import re
import time
from pathlib import Path as File

from harness import workloads
from harness.lifetime import Run
from harness.packets import concerns
from machines import Machines

WIRE_PORT = "to-node-b"
READY_SECONDS = 30
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

    def program_bytes(self) -> int:
        """Resident memory of its programs, of both machines together."""
        return sum(map(resident_bytes, self.processes()))

    def table_bytes(self) -> int:
        """What it has the kernel keep for it, of both machines together."""
        return 0

    def wait_until_sealed(self) -> None:
        """Returns when packets get through, and the wire sees no pod's address in the clear."""
        net, deadline = self.machines.net, time.monotonic() + READY_SECONDS
        with net.wire.tap(WIRE_PORT) as tap:
            while not workloads.ping(self.machines.client, self.machines.server):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{self.title}: no packet gets through in {READY_SECONDS} s")
                time.sleep(0.1)
        if any(concerns(frame, net.protected) for frame in tap.frames):
            raise RuntimeError(f"{self.title}: the wire sees the pods' packets in the clear")


def resident_bytes(process: int) -> int:
    found = RESIDENT.search(File(f"/proc/{process}/status").read_text())
    if not found:
        raise RuntimeError(f"process {process} has ended")
    return int(found[1]) * 1024
