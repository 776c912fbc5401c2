"""What a reader has to know of the machine and the programs to judge the figures."""

import os
import platform
import re
import time
from pathlib import Path as File
from typing import Any

from harness import commands

ROOT = File(__file__).resolve().parents[1]
PACKAGES = ("iperf3", "sockperf", "wireguard-go")


def describe(rounds: int, seconds: int) -> dict[str, Any]:
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": commands.run("git", "-C", str(ROOT), "describe", "--always", "--dirty").strip(),
        "kernel": platform.release(),
        "cpu": re.search(r"^model name\s*: (.*)$", File("/proc/cpuinfo").read_text(), re.MULTILINE)[1],
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "rounds": rounds,
        "seconds": seconds,
        "peers": peers(),
    }


def peers() -> dict[str, str]:
    versions = commands.run("dpkg-query", "-W", "-f", "${Package} ${Version}\n", *PACKAGES)
    pinned = (ROOT / "Benchmarks/requirements.txt").read_text()
    return dict(line.split(" ") for line in versions.splitlines()) | dict(
        line.split("==") for line in pinned.splitlines()
    )
