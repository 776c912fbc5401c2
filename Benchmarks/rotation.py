"""A storm of rotation: 10,000 SVIDs on one node daemon, held by workloads that stay, over several lifetimes. How even the load is,
what it costs, and whether a workload ever holds one that has expired. As a program, in a node of its own, it prints figures."""

import collections
import json
import os
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
from record import Record
from streams import FIRST_USER, percentile, wait

HOLDERS = HERE / "holders.py"
USERS, SVIDS_PER_USER = 100, 100
SVIDS = USERS * SVIDS_PER_USER
LIFETIME_SECONDS, LIFETIMES = 120, 3
LOAD_SECONDS = 300
TIME_LIMIT_SECONDS = 1200
TICKS = os.sysconf("SC_CLK_TCK")


def measure(record: Record) -> None:
    output = commands.run(sys.executable, __file__, timeout=TIME_LIMIT_SECONDS)
    for figure, value in (line.split() for line in output.splitlines()):
        record.add("podshield", {figure: float(value)})


class Rotation:
    def __init__(self, run: Run) -> None:
        self._run = run
        # Other users have to come by.
        run.directory.chmod(0o711)
        self._net = TwoNodes(run)
        self._daemon = Daemon(run, self._net.a, standalone_configuration(run, self._net))
        self._daemon.start()
        self._log = run.directory / "holders.log"

    def figures(self) -> Iterator[tuple[str, float]]:
        self._register()
        self._hold()
        wait(lambda: self._last("held") == SVIDS, f"{SVIDS} SVIDs are held", LOAD_SECONDS)
        # The first ones all came at once: what is measured begins when they have been renewed.
        time.sleep(LIFETIME_SECONDS / 2)
        begin, before = time.time(), self._processor_seconds()
        time.sleep(LIFETIMES * LIFETIME_SECONDS)
        seconds, used = time.time() - begin, self._processor_seconds() - before
        renewed = self._renewed_by_second(begin + 1, begin + seconds - 1)
        median, busiest = statistics.median(renewed), percentile(renewed, 99)
        yield "rotation_median_per_s", median
        yield "rotation_p99_per_s", busiest
        yield "rotation_p99_percent", 100 * busiest / median
        yield "rotation_expired", self._last("expired")
        yield "rotation_least_left_s", self._least_left()
        yield "rotation_cpu_percent", 100 * used / seconds

    def _register(self) -> None:
        entries = [
            {
                "spiffeID": spiffe_id(f"user/{user}/{number}"),
                "parentID": spiffe_id(f"podshield/node/{self._net.a.name}"),
                "selectors": [f"unix:uid:{FIRST_USER + user}"], "hint": f"h{number}", "svidTTL": LIFETIME_SECONDS,
            }
            for user in range(USERS) for number in range(SVIDS_PER_USER)
        ]
        file = self._run.directory / "entries.json"
        file.write_text(json.dumps({"entries": entries}))
        self._daemon.psid("entry", "create", "--data", str(file), timeout=LOAD_SECONDS)

    def _hold(self) -> None:
        socket = self._run.directory / "node-a/run/agent/api.sock"
        with self._log.open("wb") as output:
            process = self._net.a.namespace.spawn(
                sys.executable, str(HOLDERS), str(socket), str(FIRST_USER), str(USERS), log=output,
            )
        self._run.at_end(commands.kill_session, process)

    def _lines(self, kind: str) -> list[list[str]]:
        return [line.split() for line in self._log.read_text().splitlines() if line.startswith(f"{kind} ")]

    def _last(self, kind: str) -> int:
        lines = self._lines(kind)
        return int(lines[-1][1]) if lines else 0

    def _renewed_by_second(self, begin: float, end: float) -> list[float]:
        counts = collections.Counter({second: 0 for second in range(int(begin), int(end))})
        for _, second, count in self._lines("renewed"):
            if int(begin) <= int(second) < int(end):
                counts[int(second)] += int(count)
        return [float(count) for count in counts.values()]

    def _least_left(self) -> float:
        return min(float(line[1]) for line in self._lines("left"))

    def _processor_seconds(self) -> float:
        fields = File(f"/proc/{self._daemon.process_id}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    with Run() as run:
        for figure, value in Rotation(run).figures():
            print(f"{figure} {value:.2f}")
