# SPDX-License-Identifier: Apache-2.0
"""What a program does to its files, counted; and what befalls it at one of these steps."""

from pathlib import Path

from .fate import Steps
from .lifetime import Run


class Storage(Steps):
    """The files below a directory."""

    def __init__(self, run: Run, directory: Path) -> None:
        super().__init__(run, "storage.c", "STORAGE_PLAN", f"STORAGE_BELOW={directory}/")
