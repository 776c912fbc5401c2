# SPDX-License-Identifier: Apache-2.0
"""What a program does to its files, counted; and what befalls it at one of these steps."""

import enum
import mmap
import struct
import time
from pathlib import Path

from . import commands
from .lifetime import Run

SOURCE = Path(__file__).with_name("storage.c")
_PLAN = struct.Struct("=3q")


class Fate(enum.IntEnum):
    """As in storage.c. The step itself is not done, but for END, SIGTERM."""

    NONE, KILL, END, FAIL_ONCE, FAIL_ALL = range(5)


class Storage:
    """The files below a directory, as a program that is started with `prefix` sees them."""

    def __init__(self, run: Run, directory: Path) -> None:
        name = f"storage-{time.monotonic_ns()}"
        plan, library = run.directory / name, run.directory / f"{name}.so"
        plan.write_bytes(bytes(_PLAN.size))
        commands.run("cc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(SOURCE))
        with plan.open("r+b") as file:
            self._plan = mmap.mmap(file.fileno(), _PLAN.size)
        self.prefix = ("env", f"LD_PRELOAD={library}", f"STORAGE_PLAN={plan}", f"STORAGE_BELOW={directory}/")

    @property
    def count(self) -> int:
        """Steps since it was last planned."""
        return _PLAN.unpack(self._plan[:])[0]

    def plan(self, fate: Fate = Fate.NONE, at: int = 1) -> None:
        """This befalls it at the step of that number from now on."""
        self._plan[:] = _PLAN.pack(0, at, fate)
