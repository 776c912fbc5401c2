"""Streams between pods that run while other things happen, and what became of each byte and each datagram."""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from . import commands
from .lifetime import Run
from .topology import Pod

PROGRAM = Path(__file__).with_name("load.py")
ARRIVAL_SECONDS = 0.5
END_SECONDS = 30


class _End:
    """One running end of a stream."""

    def __init__(self, run: Run, pod: Pod, role: str, address: str, port: int, rate: int = 0) -> None:
        name = f"{pod.name}-{role}-{port}-{time.monotonic_ns()}"
        self._output = run.directory / f"{name}.out"
        self._process: subprocess.Popen = pod.namespace.spawn(
            "/usr/bin/python3", str(PROGRAM), role, address, str(port), str(rate), log=self._output.open("wb"),
        )
        run.at_end(commands.stop, self._process)

    def terminate(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()

    def result(self) -> dict[str, Any]:
        """What it says once it has ended."""
        self._process.wait(END_SECONDS)
        text = self._output.read_text(errors="replace")
        if self._process.returncode != 0:
            raise RuntimeError(f"{self._output.stem} ended with {self._process.returncode}: {text[-300:]}")
        return json.loads(text)


@dataclass(frozen=True)
class Datagrams:
    """What became of a stream of UDP. Times are nanoseconds of the monotonic clock."""

    sent: int
    received: int
    repeated: int
    first_sent: int
    last_sent: int
    last_arrival: int
    lost_at: list[int]

    @property
    def lost(self) -> int:
        return self.sent - self.received


@dataclass(frozen=True)
class Bytes:
    """What became of a TCP connection."""

    sent: int
    # What the receiver says that it has read; nothing when the connection broke.
    confirmed: Optional[int]
    # Pieces that were not what was sent.
    wrong: int
    longest_pause: int
    pause_at: int

    @property
    def is_whole(self) -> bool:
        return self.sent > 0 and self.confirmed == self.sent and self.wrong == 0


class DatagramReceiver:
    """Counts the datagrams that reach a pod."""

    def __init__(self, run: Run, pod: Pod, family: int, port: int) -> None:
        self._end = _End(run, pod, "udp-receive", pod.address(family), port)

    def stop(self, sent: int = 0) -> Datagrams:
        self._end.terminate()
        seen = self._end.result()
        return Datagrams(sent=sent, **seen)


class DatagramSender:
    """Sends numbered datagrams to an address, whoever has it."""

    def __init__(self, run: Run, pod: Pod, address: str, port: int, rate: int) -> None:
        self._end = _End(run, pod, "udp-send", address, port, rate)

    def stop(self) -> int:
        """How many were sent."""
        self._end.terminate()
        return self._end.result()["sent"]


class DatagramStream:
    """UDP from one pod to another, so many a second."""

    def __init__(self, run: Run, source: Pod, target: Pod, family: int, port: int, rate: int) -> None:
        self._receiver = DatagramReceiver(run, target, family, port)
        time.sleep(0.3)
        self._sender = DatagramSender(run, source, target.address(family), port, rate)

    def stop(self) -> Datagrams:
        sent = self._sender.stop()
        time.sleep(ARRIVAL_SECONDS)
        return self._receiver.stop(sent)


class ByteStream:
    """One TCP connection from one pod to another: `rate` in bytes a second, 0 for as fast as it goes."""

    def __init__(self, run: Run, source: Pod, target: Pod, family: int, port: int, rate: int) -> None:
        self._receiver = _End(run, target, "tcp-receive", target.address(family), port)
        time.sleep(0.3)
        self._sender = _End(run, source, "tcp-send", target.address(family), port, rate)

    def stop(self) -> Bytes:
        self._sender.terminate()
        sent, received = self._sender.result(), self._receiver.result()
        return Bytes(
            sent=sent["sent"], confirmed=sent["confirmed"], wrong=received["wrong"],
            longest_pause=received["longest_pause"], pause_at=received["pause_at"],
        )
