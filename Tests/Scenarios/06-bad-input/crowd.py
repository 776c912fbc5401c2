# SPDX-License-Identifier: Apache-2.0
"""A device whose hooks (tcx) are full of other programs."""

import contextlib
import ctypes
import errno
import os
import socket
import struct

from harness.kernel_map import bpf

PROG_LOAD, LINK_CREATE = 5, 28
SCHED_CLS, TCX_INGRESS, TCX_EGRESS = 3, 46, 47
# r0 = TCX_NEXT; exit
NEXT_PROGRAM = struct.pack("=BBhi", 0xB7, 0, 0, -1) + struct.pack("=BBhi", 0x95, 0, 0, 0)


def crowded(device: str) -> contextlib.ExitStack:
    """Takes all places at both hooks of a device of the thread's network namespace, until the answer is closed."""
    index, places = socket.if_nametoindex(device), contextlib.ExitStack()
    for hook in (TCX_INGRESS, TCX_EGRESS):
        while _take(index, hook, places):
            pass
    return places


def _take(index: int, hook: int, places: contextlib.ExitStack) -> bool:
    """Whether there was a place."""
    program = _load()
    places.callback(os.close, program)
    try:
        places.callback(os.close, bpf(LINK_CREATE, struct.pack("=4I48x", program, index, hook, 0)))
    except OSError as error:
        if error.errno != errno.ERANGE:
            raise
        return False
    return True


def _load() -> int:
    code, licence = ctypes.create_string_buffer(NEXT_PROGRAM, len(NEXT_PROGRAM)), ctypes.create_string_buffer(b"GPL")
    fields = (SCHED_CLS, len(NEXT_PROGRAM) // 8, ctypes.addressof(code), ctypes.addressof(licence))
    return bpf(PROG_LOAD, struct.pack("=2I2Q40x", *fields))
