# SPDX-License-Identifier: Apache-2.0
"""A time of day of its own for some programs, which can be set while they run."""

import struct
import time
from pathlib import Path

from . import commands
from .lifetime import Run

SOURCE = Path(__file__).with_name("clock.c")


class Clock:
    """So many seconds from the machine's, ahead or, when negative, behind."""

    def __init__(self, run: Run, seconds: int = 0) -> None:
        name = f"clock-{time.monotonic_ns()}"
        self._file, self._library = run.directory / name, run.directory / f"{name}.so"
        commands.run("cc", "-shared", "-fPIC", "-o", str(self._library), str(SOURCE))
        self.step(seconds)

    @property
    def prefix(self) -> tuple[str, ...]:
        """In front of a command that shall see it."""
        return ("env", f"LD_PRELOAD={self._library}", f"CLOCK_OFFSET={self._file}")

    def step(self, seconds: int) -> None:
        """From now on so many seconds from the machine's."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds))
