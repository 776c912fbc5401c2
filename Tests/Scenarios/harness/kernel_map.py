"""Pinned BPF maps, read by bpf(2) itself: starting bpftool takes longer than what is to be seen or timed."""

import contextlib
import ctypes
import ipaddress
import os
import platform
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Optional

from .lifetime import Run
from .topology import Node

SYSCALL = {"x86_64": 321, "aarch64": 280}[platform.machine()]
MAP_LOOKUP_ELEM, OBJ_GET = 1, 7

_libc = ctypes.CDLL(None, use_errno=True)


class KernelMap:
    """A hash map; the lengths are its definition's. Open until the process ends."""

    def __init__(self, pin: Path, value_length: int) -> None:
        self._value_length = value_length
        path = ctypes.create_string_buffer(os.fsencode(pin))
        self._descriptor = bpf(OBJ_GET, ctypes.addressof(path).to_bytes(8, "little") + bytes(8))

    def get(self, key: bytes) -> Optional[bytes]:
        value = ctypes.create_string_buffer(self._value_length)
        name = ctypes.create_string_buffer(key, len(key))
        fields = (self._descriptor, ctypes.addressof(name), ctypes.addressof(value), 0)
        try:
            bpf(MAP_LOOKUP_ELEM, b"".join(field.to_bytes(8, "little") for field in fields))
        except FileNotFoundError:
            return None
        return value.raw


@dataclass(frozen=True)
class Change:
    """From this moment, in nanoseconds of the monotonic clock, on, the identity of that number has the address, or nobody."""

    at: int
    holder: Optional[int]


class Holders:
    """Who has a pod's address, as a node's kernel looks it up for every packet to another node (`struct ps_remote`)."""

    # Peer, identity, flags, padding.
    _RECORD = struct.Struct("=4I")

    def __init__(self, run: Run, node: Node) -> None:
        pin = next((run.directory / f"{node.name}-bpf").rglob("ps_remote"))
        self._map = KernelMap(pin, self._RECORD.size)

    def holder(self, address: str) -> Optional[int]:
        """The number of the identity to which packets for the IPv4 address go now."""
        found = self._map.get(ipaddress.ip_address(f"::ffff:{address}").packed)
        return self._RECORD.unpack(found)[1] if found else None

    @contextlib.contextmanager
    def history(self, address: str, pause: float = 0.001) -> Iterator[list[Change]]:
        """Fills with one holder after another, looked at with that pause between, in seconds."""
        seen = [Change(time.monotonic_ns(), self.holder(address))]
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(pause):
                if (holder := self.holder(address)) != seen[-1].holder:
                    seen.append(Change(time.monotonic_ns(), holder))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield seen
        finally:
            ended.set()
            watcher.join()


def bpf(command: int, attributes: bytes) -> int:
    """The system call: what it answers, a descriptor perhaps. Raises `OSError` with its reason."""
    block = ctypes.create_string_buffer(attributes, len(attributes))
    result = _libc.syscall(SYSCALL, command, block, len(attributes))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
