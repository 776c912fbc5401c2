# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""The programs at the devices of a namespace, by either way that the kernel has."""

import ctypes
import enum
import os

from .abi import Hook
from .datapath import Datapath

# enum bpf_attach_type of linux/bpf.h, which Debian 12's headers do not have yet.
TCX_INGRESS, TCX_EGRESS = 46, 47
# enum bpf_tc_attach_point of bpf/libbpf.h.
CLSACT_INGRESS, CLSACT_EGRESS = 1, 2

_lib = ctypes.CDLL("libbpf.so.1", use_errno=True)


class Way(enum.Enum):
    CLSACT = "clsact"
    TCX = "tcx"


class _Hook(ctypes.Structure):
    """struct bpf_tc_hook."""

    _fields_ = [
        ("sz", ctypes.c_size_t), ("ifindex", ctypes.c_int), ("point", ctypes.c_int), ("parent", ctypes.c_uint32),
    ]


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
        self._attach(ifindex, Hook.FROM_POD, Hook.TO_POD)

    def uplink(self, ifindex: int) -> None:
        self._attach(ifindex, Hook.FROM_UPLINK, Hook.TO_UPLINK)

    def close(self) -> None:
        """Ends tcx links. What clsact has goes with its device."""
        for link in self._links:
            os.close(link)
        self._links.clear()

    def _attach(self, ifindex: int, ingress: Hook, egress: Hook) -> None:
        programs = self._datapath.program(ingress), self._datapath.program(egress)
        if self._way == Way.TCX:
            for program, attach_type in zip(programs, (TCX_INGRESS, TCX_EGRESS)):
                self._links.append(program.attach_link(ifindex, attach_type))
            return
        _call("bpf_tc_hook_create", _hook(ifindex, CLSACT_INGRESS | CLSACT_EGRESS))
        for program, point in zip(programs, (CLSACT_INGRESS, CLSACT_EGRESS)):
            options = _Options(sz=ctypes.sizeof(_Options), prog_fd=program.descriptor)
            _call("bpf_tc_attach", _hook(ifindex, point), options)


def _hook(ifindex: int, point: int) -> _Hook:
    return _Hook(sz=ctypes.sizeof(_Hook), ifindex=ifindex, point=point)


def _call(name: str, *arguments: ctypes.Structure) -> None:
    result = getattr(_lib, name)(*map(ctypes.byref, arguments))
    if result != 0:
        raise OSError(-result, name)
