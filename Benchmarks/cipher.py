"""The cipher by itself: nanoseconds per packet as bytecode in the kernel, and as native code of the same source."""

import re
from pathlib import Path as File

from harness import commands
from record import Record

AEAD_TESTS = File(__file__).resolve().parents[1] / "bpf/tests/aead"
LINE = re.compile(r"^(seal|open)\s+(\d+) bytes: kernel\s+([\d.]+) ns, .*native\s+([\d.]+) ns,", re.MULTILINE)
TIME_LIMIT_SECONDS = 300


def measure(record: Record) -> None:
    output = commands.run(
        "make", "--no-print-directory", "--silent", "-C", str(AEAD_TESTS), "bench", timeout=TIME_LIMIT_SECONDS
    )
    found = LINE.findall(output)
    if not found:
        raise RuntimeError(f"no figures of the cipher in: {output[:500]}")
    for operation, length, kernel, native in found:
        for subject, nanoseconds in (("bytecode", float(kernel)), ("native", float(native))):
            record.add(subject, {f"{operation}_{length}_ns": nanoseconds})
