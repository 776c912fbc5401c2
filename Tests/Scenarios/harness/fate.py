# SPDX-License-Identifier: Apache-2.0
"""What befalls a program at one of its steps, which a preloaded library counts."""

import enum
import mmap
import struct
import time
from pathlib import Path

from . import commands
from .lifetime import Run

HERE = Path(__file__).parent
_PLAN = struct.Struct("=3q")


class Fate(enum.IntEnum):
    """As in fate.h. The step itself is not done, but for END, SIGTERM."""

    NONE, KILL, END, FAIL_ONCE, FAIL_ALL = range(5)


class Steps:
    """Those of a program that is started with `prefix`, which counts them by the library of that source."""

    def __init__(self, run: Run, source: str, variable: str, *environment: str) -> None:
        name = f"{Path(source).stem}-{time.monotonic_ns()}"
        plan, library = run.directory / name, run.directory / f"{name}.so"
        plan.write_bytes(bytes(_PLAN.size))
        commands.run("cc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(HERE / source))
        with plan.open("r+b") as file:
            self._plan = mmap.mmap(file.fileno(), _PLAN.size)
        self.prefix = ("env", f"LD_PRELOAD={library}", f"{variable}={plan}", *environment)

    @property
    def count(self) -> int:
        """Steps since it was last planned."""
        return _PLAN.unpack(self._plan[:])[0]

    def plan(self, fate: Fate = Fate.NONE, at: int = 1) -> None:
        """This befalls it at the step of that number from now on."""
        self._plan[:] = _PLAN.pack(0, at, fate)
