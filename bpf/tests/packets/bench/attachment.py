# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""The programs at the devices of a namespace, by either way that the kernel has."""

import ctypes
import enum
import os

from .abi import Hook
from .datapath import Datapath
from .libbpf import Program

# enum bpf_attach_type of linux/bpf.h, which Debian 12's headers do not have yet.
TCX_INGRESS, TCX_EGRESS = 46, 47
# enum bpf_tc_attach_point of bpf/libbpf.h.
CLSACT_INGRESS, CLSACT_EGRESS = 1, 2
INGRESS = {Hook.FROM_POD, Hook.FROM_UPLINK}

_lib = ctypes.CDLL("libbpf.so.1", use_errno=True)


class Way(enum.Enum):
    CLSACT = "clsact"
    TCX = "tcx"


class _Hook(ctypes.Structure):
    """struct bpf_tc_hook."""

    _fields_ = [("sz", ctypes.c_size_t), ("ifindex", ctypes.c_int), ("point", ctypes.c_int), ("parent", ctypes.c_uint32)]


class _Options(ctypes.Structure):
    """struct bpf_tc_opts."""

    _fields_ = [
        ("sz", ctypes.c_size_t), ("prog_fd", ctypes.c_int), ("flags", ctypes.c_uint32), ("prog_id", ctypes.c_uint32),
        ("handle", ctypes.c_uint32), ("priority", ctypes.c_uint32),
    ]


class Attachments:
    """Of one datapath, until closed. To be called on a thread that is in the devices' namespace."""

    def __init__(self, datapath: Datapath, way: Way) -> None:
        self._datapath, self._way = datapath, way
        self._links: list[int] = []

    def pod(self, ifindex: int) -> None:
        self._attach(Hook.FROM_POD, ifindex)
        self._attach(Hook.TO_POD, ifindex)

    def uplink(self, ifindex: int) -> None:
        self._attach(Hook.FROM_UPLINK, ifindex)
        self._attach(Hook.TO_UPLINK, ifindex)

    def close(self) -> None:
        """Ends tcx links. What clsact has goes with its device."""
        for link in self._links:
            os.close(link)
        self._links.clear()

    def _attach(self, hook: Hook, ifindex: int) -> None:
        program = self._datapath.program(hook)
        if self._way == Way.TCX:
            self._links.append(program.attach_link(ifindex, TCX_INGRESS if hook in INGRESS else TCX_EGRESS))
        else:
            _attach_filter(program, ifindex, CLSACT_INGRESS if hook in INGRESS else CLSACT_EGRESS)


def _attach_filter(program: Program, ifindex: int, point: int) -> None:
    qdisc = _Hook(sz=ctypes.sizeof(_Hook), ifindex=ifindex, point=point)
    options = _Options(sz=ctypes.sizeof(_Options), prog_fd=program.descriptor)
    created = _lib.bpf_tc_hook_create(ctypes.byref(qdisc))
    if created not in (0, -17):  # -EEXIST: the other direction's filter came first
        raise OSError(-created, "clsact")
    attached = _lib.bpf_tc_attach(ctypes.byref(qdisc), ctypes.byref(options))
    if attached != 0:
        raise OSError(-attached, f"{program.name} at clsact")
