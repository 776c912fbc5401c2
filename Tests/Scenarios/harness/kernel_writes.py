# SPDX-License-Identifier: Apache-2.0
"""What a program changes in the kernel's maps, counted; and what befalls it at one of these steps."""

from .fate import Steps
from .lifetime import Run


class KernelWrites(Steps):
    """Elements written and deleted."""

    def __init__(self, run: Run) -> None:
        super().__init__(run, "kernel_writes.c", "KERNEL_PLAN")
