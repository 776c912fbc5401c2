"""Bytes in bulk, and what they cost both machines: iperf3."""

import json
import os
from pathlib import Path as File

import ports
from paths import Path
from .measure import GRACE_SECONDS, serving

GIB = 1 << 30
# In /proc/stat: user, nice, system, and after idle and iowait, irq and softirq.
BUSY = (0, 1, 2, 5, 6)


class Throughput:
    def __init__(self, streams: int) -> None:
        self.name = f"tcp-{streams}"
        self._streams = streams

    def fits(self, path: Path) -> bool:
        return True

    def take(self, path: Path, seconds: int) -> dict[str, float]:
        with serving(path, ports.THROUGHPUT, "iperf3", "--server", "--port", str(ports.THROUGHPUT)):
            before = busy_seconds()
            answer = json.loads(path.machines.client.namespace.run(
                "iperf3", "--client", path.address, "--port", str(ports.THROUGHPUT), "--json",
                "--parallel", str(self._streams), "--time", str(seconds), timeout=seconds + GRACE_SECONDS,
            ))
            busy = busy_seconds() - before
        received = answer["end"]["sum_received"]
        return {
            f"tcp_{self._streams}_gbit_s": received["bits_per_second"] / 1e9,
            f"tcp_{self._streams}_cpu_s_per_gib": busy / (received["bytes"] / GIB),
        }


def busy_seconds() -> float:
    """CPU time that this machine has worked, in programs and in the kernel."""
    ticks = File("/proc/stat").read_text().splitlines()[0].split()[1:]
    return sum(int(ticks[field]) for field in BUSY) / os.sysconf("SC_CLK_TCK")
