"""Workloads that ask a node for their identities, as processes of their own, and what they are told."""

import json
import time
from pathlib import Path
from typing import Any, Callable, Optional

from . import commands
from .daemons import ROOT
from .lifetime import Run
from .namespaces import Namespace
from .waiting import wait

CLIENT = Path(__file__).with_name("svid_client.py")
# Who needs a workload may be run by another.
PYTHON = ROOT / ".build-venv/bin/python"

Told = dict[str, Any]


class Workload:
    """A process that prints what it is told, a JSON document a line. It ends with the run, or before."""

    def __init__(self, run: Run, namespace: Namespace, program: Path, socket: Path, user: int, call: str) -> None:
        self._log = run.directory / f"{call}-{user}-{time.monotonic_ns()}.log"
        with self._log.open("wb") as output:
            self.process = namespace.spawn(str(PYTHON), str(program), str(socket), str(user), call, log=output)
        run.at_end(self.end)

    def end(self) -> None:
        commands.kill_session(self.process)

    @property
    def told(self) -> list[Told]:
        # The last line may not be whole yet, and others than documents may be between.
        lines = self._log.read_text(errors="replace").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]

    def wait(self, wanted: Callable[[Told], bool], timeout: float = 15) -> Optional[Told]:
        """The first that fits; nothing when none comes."""
        return wait(lambda: next(filter(wanted, self.told), None), timeout)

    def wait_for_ids(self, *ids: str, timeout: float = 15) -> bool:
        """Whether it is told of just these identities, at some time."""
        return self.wait(lambda told: [svid["id"] for svid in told.get("svids", [])] == list(ids), timeout) is not None


class SVIDStream(Workload):
    """A stream of FetchX509SVID that stays open."""

    def __init__(self, run: Run, namespace: Namespace, socket: Path, user: int = 0, secured: bool = True) -> None:
        super().__init__(run, namespace, CLIENT, socket, user, "secured" if secured else "bare")

    def status(self) -> Optional[str]:
        """The one that it ends with; nothing while it goes on."""
        end = self.wait(lambda told: "status" in told)
        return end and end["status"]

    def once_told(self) -> "SVIDStream":
        """Itself, once there was a first message."""
        if self.wait(lambda told: "svids" in told) is None:
            raise TimeoutError(f"nothing is told: {self._log.read_text(errors='replace')}")
        return self

    @property
    def lists(self) -> str:
        """A digest of the lists in the last message."""
        return [told for told in self.told if "lists" in told][-1]["lists"]

    def seconds_to(self, wanted: Callable[[Told], bool], begin: int) -> Optional[float]:
        """From `begin`, in nanoseconds of the monotonic clock, until the first document that fits; nothing if none has come."""
        return next(((told["at"] - begin) / 1e9 for told in self.told if wanted(told)), None)

    def seconds_to_new_lists(self, begin: int, before: str) -> Optional[float]:
        """Until the first message with other lists than `before`."""
        return self.seconds_to(lambda told: told.get("lists", before) != before, begin)

    def seconds_to_end(self, begin: int) -> Optional[float]:
        return self.seconds_to(lambda told: "status" in told, begin)
