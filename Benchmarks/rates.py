"""How fast keys are agreed on and identities issued, by a program of the package on one CPU, and beside it by the
OpenSSL library alone."""

from pathlib import Path as File

from harness import commands
from harness.daemons import binaries
from record import Record

SECONDS = 2
TIME_LIMIT_SECONDS = 60
CPU = "0"
SIGNATURES = File(__file__).resolve().parents[1] / "build/benchmarks/signatures"


def measure(record: Record) -> None:
    for line in on_one_cpu(binaries() / "podshield-rates"):
        figure, rate = line.split()
        record.add("podshield", {figure: float(rate)})
    for line in on_one_cpu(SIGNATURES):
        way, figure, rate = line.split()
        record.add(way, {figure: float(rate)})


def on_one_cpu(program: File) -> list[str]:
    command = ("taskset", "--cpu-list", CPU, str(program), str(SECONDS))
    return commands.run(*command, timeout=TIME_LIMIT_SECONDS).splitlines()
