"""The programs for one packet each, from the parse to the redirect: what there is to a packet besides the cipher."""

import re
from pathlib import Path as File

from harness import commands
from record import Record

PACKET_TESTS = File(__file__).resolve().parents[1] / "bpf/tests/packets"
LINE = re.compile(r"^(from_pod|from_uplink) (\d+) (\d+)$", re.MULTILINE)
TIME_LIMIT_SECONDS = 60


def measure(record: Record) -> None:
    output = commands.run(
        "make", "--no-print-directory", "--silent", "-C", str(PACKET_TESTS), "bench", timeout=TIME_LIMIT_SECONDS
    )
    found = LINE.findall(output)
    if not found:
        raise RuntimeError(f"no figures of the programs in: {output[:500]}")
    for program, length, nanoseconds in found:
        record.add("programs", {f"{program}_{length}_ns": float(nanoseconds)})
