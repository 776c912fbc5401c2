"""Network namespaces that stand for machines and pods."""

import ctypes
import json
import os
import socket
import subprocess
import threading
from pathlib import Path
from typing import IO, Callable, Optional, TypeVar

from . import commands
from .lifetime import NAMESPACES, Run
from .tap import Tap

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 0x0003
SO_RCVBUFFORCE = 33
CAPTURE_BUFFER = 16 << 20

T = TypeVar("T")
_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A named network namespace, deleted with the run.

    Programs enter by `nsenter --net`, not by `ip netns exec`: the latter remounts /sys and would hide BPF pins.
    `cpu` is the one CPU that they may use; all of them while it is not set.
    """

    def __init__(self, run: Run, name: str, of: Optional[int] = None) -> None:
        """A new one, or that which a process of this number lives in."""
        self.name = name
        self.cpu: Optional[int] = None
        self.full_name = f"{run.prefix}{name}"
        self.path: Path = NAMESPACES / self.full_name
        commands.run("ip", "netns", *(("attach", self.full_name, str(of)) if of else ("add", self.full_name)))
        run.at_end(self.delete)
        self.ip("link", "set", "lo", "up")

    def delete(self) -> None:
        """Before the run's end, or again, if you like."""
        if self.path.exists():
            commands.run("ip", "netns", "delete", self.full_name)

    def ip(self, *arguments: str) -> str:
        """Runs `ip` with these arguments on this namespace."""
        return commands.run("ip", "-netns", self.full_name, *arguments)

    def batch(self, *lines: str) -> None:
        """Runs many `ip` commands in one process."""
        commands.run("ip", "-netns", self.full_name, "-batch", "-", stdin="\n".join(lines) + "\n")

    def run(self, *command: str, timeout: float = 30) -> str:
        return commands.run(*self._enter(command), timeout=timeout)

    def succeeds(self, *command: str, timeout: float = 30) -> bool:
        return commands.succeeds(*self._enter(command), timeout=timeout)

    def spawn(self, *command: str, log: IO[bytes], environment: Optional[dict[str, str]] = None) -> subprocess.Popen:
        return commands.spawn(*self._enter(command), log=log, environment=environment)

    def sysctl(self, **values: int) -> None:
        """Sets network settings of this namespace only; `__` in a key stands for a dot."""
        self.run("sysctl", "--quiet", *(f"net.{key.replace('__', '.')}={value}" for key, value in values.items()))

    def packet_socket(self, interface: str) -> socket.socket:
        """A raw socket for whole frames, bound to an interface of this namespace."""

        def open_socket() -> socket.socket:
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, CAPTURE_BUFFER)
            raw.bind((interface, ETH_P_ALL))
            return raw

        return self.inside(open_socket)

    def tap(self, interface: str) -> Tap:
        """Everything that passes an interface, both directions, from now on."""
        return Tap(self.packet_socket(interface))

    def mac(self, interface: str) -> str:
        return json.loads(self.ip("-json", "link", "show", "dev", interface))[0]["address"]

    def inside(self, action: Callable[[], T]) -> T:
        """The result of `action` on a thread that has entered this namespace: sockets made there stay in it."""
        outcome: list[T] = []
        failure: list[BaseException] = []

        def enter_and_act() -> None:
            try:
                descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns", str(self.path))
                finally:
                    os.close(descriptor)
                outcome.append(action())
            except BaseException as error:
                failure.append(error)

        thread = threading.Thread(target=enter_and_act)
        thread.start()
        thread.join()
        if failure:
            raise failure[0]
        return outcome[0]

    def _enter(self, command: tuple[str, ...]) -> tuple[str, ...]:
        pinned = () if self.cpu is None else ("taskset", "--cpu-list", str(self.cpu))
        return ("nsenter", f"--net={self.path}", "--", *pinned, *command)


def join(left: Namespace, left_name: str, right: Namespace, right_name: str) -> None:
    """Joins two namespaces by a pair of virtual interfaces, both up."""
    commands.run(
        "ip", "-netns", left.full_name, "link", "add", left_name, "type", "veth",
        "peer", "name", right_name, "netns", right.full_name,
    )
    left.ip("link", "set", left_name, "up")
    right.ip("link", "set", right_name, "up")
