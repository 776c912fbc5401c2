"""How registration bears many: 10,000 entries of one node, and how long until a change of one has reached the workload that it is
for, from the begin of the command on; and what a change of an entry of another node costs. As a program, in a node of its
own, it prints figures."""

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
from streams import FIRST_USER, Workloads, percentile, wait

ENTRIES = 10_000
CHANGES = 50
LOAD_SECONDS = 300
TIME_LIMIT_SECONDS = 480
TICKS = os.sysconf("SC_CLK_TCK")


def measure(record: Record) -> None:
    output = commands.run(sys.executable, __file__, timeout=TIME_LIMIT_SECONDS)
    for figure, value in (line.split() for line in output.splitlines()):
        record.add("podshield", {figure: float(value)})


class Entries:
    def __init__(self, run: Run) -> None:
        self._run = run
        # Other users have to come by.
        run.directory.chmod(0o711)
        self._net = TwoNodes(run)
        self._daemon = Daemon(run, self._net.a, standalone_configuration(run, self._net))
        self._daemon.start()

    def figures(self) -> Iterator[tuple[str, float]]:
        self._load()
        mine, foreign = self._entry(FIRST_USER, self._net.a.name), self._entry(FIRST_USER + 1, self._net.b.name)
        workload = Workloads(self._run, self._net, FIRST_USER, 1)
        wait(lambda: workload.are_there, "the workload has an SVID")
        told = [self._change(workload, mine, f"hint-{number}") for number in range(CHANGES)]
        yield "entry_change_p50_ms", statistics.median(told)
        yield "entry_change_p99_ms", percentile(told, 99)
        before = self._processor_seconds()
        for number in range(CHANGES):
            self._update(FIRST_USER + 1, self._net.b.name, foreign, f"hint-{number}")
        yield "foreign_change_cpu_ms", (self._processor_seconds() - before) / CHANGES * 1000

    def _load(self) -> None:
        """Of users that nobody is."""
        entries = [
            {
                "spiffeID": spiffe_id(f"many/{number}"), "parentID": spiffe_id(f"podshield/node/{self._net.a.name}"),
                "selectors": [f"unix:uid:{2 * FIRST_USER + number}"],
            }
            for number in range(ENTRIES)
        ]
        file = self._run.directory / "entries.json"
        file.write_text(json.dumps({"entries": entries}))
        self._daemon.psid("entry", "create", "--data", str(file), timeout=LOAD_SECONDS)

    def _entry(self, user: int, node: str) -> str:
        made = self._daemon.ask(
            "entry", "create", "--spiffe-id", spiffe_id(f"user/{user}"), "--node", node, "--selector", f"unix:uid:{user}",
        )
        return made["entries"][0]["id"] if "entries" in made else made["id"]

    def _change(self, workload: Workloads, entry: str, hint: str) -> float:
        """Milliseconds until it is at the workload."""
        begin = time.monotonic_ns()
        self._update(FIRST_USER, self._net.a.name, entry, hint)
        wait(lambda: bool(workload.told_since(begin)), "the workload is told")
        return (workload.told_since(begin)["0"] - begin) / 1e6

    def _update(self, user: int, node: str, entry: str, hint: str) -> None:
        self._daemon.psid(
            "entry", "update", entry, "--spiffe-id", spiffe_id(f"user/{user}"), "--node", node, "--selector",
            f"unix:uid:{user}", "--hint", hint,
        )

    def _processor_seconds(self) -> float:
        fields = File(f"/proc/{self._daemon.process_id}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    with Run() as run:
        for figure, value in Entries(run).figures():
            print(f"{figure} {value:.2f}")
