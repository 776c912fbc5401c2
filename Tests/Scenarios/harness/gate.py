# SPDX-License-Identifier: Apache-2.0
"""A gate on the wire: the frames of one kind of TCP connection pass one after the other, by our hands."""

import contextlib
import ctypes
import select
import socket
import struct
import threading
from dataclasses import dataclass
from typing import Callable, Iterator, Optional

from . import sieve
from .packets import ETHERNET
from .wire import Wire

SYN, ACK = 0x02, 0x10
SO_ATTACH_FILTER = 26
PACKET_OUTGOING = 4
FRAME_MAX = 1 << 16
PAUSE_SECONDS = 0.02
ALL, NOTHING = 0x40000, 0


@dataclass(frozen=True)
class Segment:
    """A TCP segment over IPv4, in its frame."""

    ports: frozenset[int]
    is_opening: bool
    payload: int

    @classmethod
    def parse(cls, frame: bytes) -> "Segment":
        header = (frame[ETHERNET] & 0x0F) * 4
        tcp = ETHERNET + header
        (length,) = struct.unpack_from("!H", frame, ETHERNET + 2)
        return cls(
            ports=frozenset(struct.unpack_from("!HH", frame, tcp)), is_opening=frame[tcp + 13] & (SYN | ACK) == SYN,
            payload=length - header - (frame[tcp + 12] >> 4) * 4,
        )


@dataclass(frozen=True)
class Passage:
    """A segment with data that the gate has let pass, of the newest connection."""

    source: str
    length: int


class Gate:
    """Between two ports of the wire, for TCP over IPv4 to or from `port`; what else there is passes as ever.

    Of a connection that opens after `watch`, each segment with data is counted; before the one that was asked for passes,
    something is done. The nodes must send frames as they are on a real wire: whole, with their checksums.
    """

    def __init__(self, wire: Wire, ends: tuple[str, str], port: int) -> None:
        self._wire, self._ends, self._port = wire, ends, port
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self.passed: list[Passage] = []
        self._connection: Optional[frozenset[int]] = None
        self._place, self._action = 0, None
        self.has_acted = threading.Event()

    def watch(self, place: int = 0, action: Optional[Callable[[], object]] = None) -> None:
        """From the next connection on; `place` counts its segments from 1."""
        with self._lock:
            self.passed, self._connection = [], None
            self._place, self._action = place, action
            self.has_acted.clear()

    def give_up(self) -> bool:
        """Nothing is done any more. Whether it has been."""
        with self._lock:
            self._action = None
            return self.has_acted.is_set()

    @contextlib.contextmanager
    def closed(self) -> Iterator["Gate"]:
        """While it lasts, nothing of these connections passes but by this gate."""
        with contextlib.ExitStack() as stack:
            raw = {end: stack.enter_context(self._open(end)) for end in self._ends}
            for end in self._ends:
                program = sieve.frames(self._port, sieve.TC_ACT_SHOT, sieve.TC_ACT_UNSPEC)
                stack.enter_context(sieve.dropped(self._wire.namespace, end, "ingress", program))
            porter = threading.Thread(target=self._carry, args=(raw,))
            porter.start()
            stack.callback(porter.join)
            stack.callback(self._ending.set)
            yield self

    def _open(self, end: str) -> socket.socket:
        raw = self._wire.namespace.packet_socket(end)
        program = sieve.frames(self._port, ALL, NOTHING)
        code = b"".join(struct.pack("=HBBI", *step) for step in program)
        buffer = ctypes.create_string_buffer(code, len(code))
        raw.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program), ctypes.addressof(buffer)))
        # What came before the filter has passed already.
        with contextlib.suppress(BlockingIOError):
            while raw.recv(FRAME_MAX, socket.MSG_DONTWAIT):
                pass
        return raw

    def _carry(self, raw: dict[str, socket.socket]) -> None:
        left, right = self._ends
        others = {raw[left]: (left, raw[right]), raw[right]: (right, raw[left])}
        while not self._ending.is_set():
            for source in select.select(list(others), [], [], PAUSE_SECONDS)[0]:
                frame, address = source.recvfrom(FRAME_MAX)
                if address[2] != PACKET_OUTGOING:
                    name, target = others[source]
                    self._act_on(name, frame)
                    target.send(frame)

    def _act_on(self, source: str, frame: bytes) -> None:
        segment = Segment.parse(frame)
        with self._lock:
            if self._connection is None and segment.is_opening:
                self._connection = segment.ports
            if segment.ports != self._connection or segment.payload <= 0:
                return
            self.passed.append(Passage(source, segment.payload))
            if len(self.passed) == self._place and self._action is not None:
                self._action()
                self.has_acted.set()
