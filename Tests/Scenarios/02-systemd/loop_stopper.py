# SPDX-License-Identifier: Apache-2.0
"""loop_stopper.py PROCESS: stops the thread of one of its event loops, as a debugger does, until the process ends."""

import ctypes
import os
import sys
from pathlib import Path

# ptrace(2), wait(2).
SEIZE, INTERRUPT, ANY_THREAD = 0x4206, 0x4207, 0x40000000
LOOP = "NIO-SGLTN"

ptrace = ctypes.CDLL(None, use_errno=True).ptrace
tasks = Path(f"/proc/{sys.argv[1]}/task").iterdir()
thread = next(int(task.name) for task in tasks if LOOP in (task / "comm").read_text())
for request in (SEIZE, INTERRUPT):
    if ptrace(request, thread, None, None) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
# A thread that has ended keeps its process from being gone until its tracer has seen it.
while os.WIFSTOPPED(os.waitpid(thread, ANY_THREAD)[1]):
    pass
