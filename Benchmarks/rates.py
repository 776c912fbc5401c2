"""How fast keys are agreed on and identities issued, by a program of the package on one CPU."""

from harness import commands
from harness.daemons import binaries
from record import Record

SECONDS = 2
TIME_LIMIT_SECONDS = 60
CPU = "0"


def measure(record: Record) -> None:
    output = commands.run(
        "taskset", "--cpu-list", CPU, str(binaries() / "podshield-rates"), str(SECONDS), timeout=TIME_LIMIT_SECONDS
    )
    found = dict(line.split() for line in output.splitlines())
    record.add("podshield", {figure: float(value) for figure, value in found.items()})
