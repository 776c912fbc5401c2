# SPDX-License-Identifier: Apache-2.0
"""What an upgrade meets in the kernel: programs of another build, maps that another version wrote."""

import json
import platform
from pathlib import Path

from harness import commands
from harness.daemons import ROOT
from harness.lifetime import Run
from harness.topology import Node

FLAGS = f"-target bpf -mcpu=v3 -O3 -g -I/usr/include/{platform.machine()}-linux-gnu"


def other_build(run: Run) -> Path:
    """The same programs, compiled otherwise."""
    built = run.directory / "other.bpf.o"
    make = ("make", "-s", "-C", str(ROOT / "bpf"), f"OUT={run.directory}", f"OBJECT={built}", f"BPF_FLAGS={FLAGS}")
    commands.run(*make, timeout=120)
    return built


class KernelState:
    """What a node's daemon left pinned."""

    def __init__(self, run: Run, node: Node) -> None:
        self._config = next((run.directory / f"{node.name}-bpf").rglob("ps_config"))

    def programs(self) -> dict[str, set[str]]:
        """The digests of the programs that work on these maps, by their names."""
        digests: dict[str, set[str]] = {}
        number = bpftool("map", "show", "pinned", str(self._config))["id"]
        for program in bpftool("prog", "show"):
            if number in program.get("map_ids", []):
                digests.setdefault(program["name"], set()).add(program["tag"])
        return digests

    @property
    def version(self) -> tuple[int, int]:
        """Of the ABI: whose maps they are, and the oldest that can do with them."""
        value = self._value()
        return int.from_bytes(value[:4], "little"), int.from_bytes(value[4:8], "little")

    @version.setter
    def version(self, versions: tuple[int, int]) -> None:
        value = b"".join(version.to_bytes(4, "little") for version in versions) + self._value()[8:]
        octets = [f"{octet:02x}" for octet in value]
        commands.run(
            "bpftool", "map", "update", "pinned", str(self._config), "key", "hex", *["00"] * 4, "value", "hex", *octets,
        )

    def _value(self) -> bytes:
        (entry,) = bpftool("map", "dump", "pinned", str(self._config))
        return bytes(int(octet, 16) for octet in entry["value"])


def bpftool(*arguments: str) -> object:
    return json.loads(commands.run("bpftool", "-j", *arguments))
