"""How the Workload API bears many: the first SVID of a workload that is new, the memory of each of 5,000 open streams of
FetchX509SVID on one node, and how long until a change of the bundle has reached all of them. As a program, in a node of its
own, it prints figures."""

import statistics
import sys
import time
from pathlib import Path as File
from typing import Iterator

HERE = File(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Tests/Scenarios"))

from harness import commands
from harness.configuration import standalone_configuration
from harness.daemons import Daemon, spiffe_id
from harness.lifetime import Run
from harness.topology import TwoNodes
from paths.path import resident_bytes
from record import Record

WORKLOADS = HERE / "workloads.py"
USERS, STREAMS_PER_USER = 20, 250
STREAMS = USERS * STREAMS_PER_USER
# Users that nobody has heard of, each with an entry of its own.
NEW_USERS = 100
FIRST_USER = 60_000
WAIT_SECONDS = 120
TIME_LIMIT_SECONDS = 240


def measure(record: Record) -> None:
    output = commands.run(sys.executable, __file__, timeout=TIME_LIMIT_SECONDS)
    for figure, value in (line.split() for line in output.splitlines()):
        record.add("podshield", {figure: float(value)})


class Workloads:
    """Programs at the socket of one user, and what they were told when."""

    def __init__(self, run: Run, net: TwoNodes, user: int, count: int) -> None:
        self._log = run.directory / f"workloads-{user}.log"
        socket = run.directory / "node-a/run/agent/api.sock"
        with self._log.open("wb") as output:
            process = net.a.namespace.spawn(
                sys.executable, str(WORKLOADS), str(socket), str(user), str(count), log=output,
            )
        run.at_end(commands.kill_session, process)
        self._process = process

    def lines(self) -> list[list[str]]:
        if self._process.poll() is not None:
            raise RuntimeError(f"the workloads have ended: {self._log.read_text()[-500:]}")
        return [line.split() for line in self._log.read_text().splitlines()]

    @property
    def are_there(self) -> bool:
        return ["all"] in self.lines()

    def first_nanoseconds(self) -> list[int]:
        """From each one's connecting until it had an SVID."""
        return [int(line[2]) for line in self.lines() if len(line) == 3]

    def told_since(self, moment: int) -> dict[str, int]:
        """When each was told first, of those that were."""
        told: dict[str, int] = {}
        for number, when in (line for line in self.lines() if len(line) == 2):
            if int(when) > moment:
                told.setdefault(number, int(when))
        return told


class Streams:
    def __init__(self, run: Run) -> None:
        self._run = run
        # Other users have to come by.
        run.directory.chmod(0o711)
        self._net = TwoNodes(run)
        self._daemon = Daemon(run, self._net.a, standalone_configuration(run, self._net))
        self._daemon.start()

    def figures(self) -> Iterator[tuple[str, float]]:
        firsts = self._first_svids()
        yield "first_svid_p50_ms", statistics.median(firsts)
        yield "first_svid_p99_ms", percentile(firsts, 99)
        before = resident_bytes(self._daemon.process_id)
        crowd = self._crowd()
        yield "stream_kib", (resident_bytes(self._daemon.process_id) - before) / STREAMS / 1024
        told = self._change_of_bundle(crowd)
        yield "bundle_p50_ms", statistics.median(told)
        yield "bundle_p99_ms", percentile(told, 99)

    def _first_svids(self) -> list[float]:
        """In milliseconds. Entries are there before their workloads, as they are with any platform that starts these."""
        users = [FIRST_USER + USERS + number for number in range(NEW_USERS)]
        for user in users:
            self._register(user)
        firsts: list[float] = []
        for user in users:
            workload = Workloads(self._run, self._net, user, 1)
            wait(lambda: workload.are_there, f"user {user} has an SVID")
            firsts += [nanoseconds / 1e6 for nanoseconds in workload.first_nanoseconds()]
        return firsts

    def _crowd(self) -> list[Workloads]:
        users = range(FIRST_USER, FIRST_USER + USERS)
        for user in users:
            self._register(user)
        crowd = [Workloads(self._run, self._net, user, STREAMS_PER_USER) for user in users]
        wait(lambda: all(workloads.are_there for workloads in crowd), f"{STREAMS} streams are open")
        return crowd

    def _change_of_bundle(self, crowd: list[Workloads]) -> list[float]:
        """Milliseconds from the begin of the command until each stream has the list of what is revoked."""
        begin = time.monotonic_ns()
        self._daemon.psid("revoke", "--spiffe-id", spiffe_id("nobody"))
        wait(lambda: sum(len(workloads.told_since(begin)) for workloads in crowd) == STREAMS, "every stream is told")
        return [(when - begin) / 1e6 for workloads in crowd for when in workloads.told_since(begin).values()]

    def _register(self, user: int) -> None:
        self._daemon.psid(
            "entry", "create", "--spiffe-id", spiffe_id(f"user/{user}"), "--node", self._net.a.name,
            "--selector", f"unix:uid:{user}",
        )


def percentile(values: list[float], percent: int) -> float:
    """The value below or at which so many are."""
    return sorted(values)[-(-len(values) * percent // 100) - 1]


def wait(condition, what: str, seconds: float = WAIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not after {seconds} s: {what}")
        time.sleep(0.05)


if __name__ == "__main__":
    with Run() as run:
        for figure, value in Streams(run).figures():
            print(f"{figure} {value:.2f}")
