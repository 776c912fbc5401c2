#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Prints what a whole program takes for one packet: program, bytes of the inner packet, nanoseconds; the median of many.
Each packet is its own BPF_PROG_TEST_RUN, for a second turn would meet what the first made of it. Figures only."""

import statistics
import sys
from pathlib import Path
from typing import Iterator

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2] / "Tests/Scenarios")]

from bench.abi import Hook  # noqa: E402
from bench.datapath import VERDICTS, Datapath, Verdict  # noqa: E402
from bench.esp import ip_header  # noqa: E402
from bench.libbpf import SKBContext  # noqa: E402
from bench.machine import PEER_MAC, Device, Machine  # noqa: E402
from bench.node import OVER_V4, REMOTE_WEB, WEB_ADDRESS, Node, framed  # noqa: E402
from scapy.layers.inet import UDP  # noqa: E402

LENGTHS = (64, 576, 1408)
HEADERS = 28
TURNS = 2000


def main() -> None:
    datapath = Datapath()
    node = Node(Machine(), datapath)
    for length in LENGTHS:
        report(Hook.FROM_POD, length, sealing(node, length))
    for length in LENGTHS:
        report(Hook.FROM_UPLINK, length, opening(node, length))
    datapath.close()


def sealing(node: Node, length: int) -> Iterator[int]:
    pod = node.devices.web
    frame = framed(udp(WEB_ADDRESS[4], OVER_V4.pod_v4, length), source=pod.far_mac, destination=pod.mac)
    while True:
        yield nanoseconds(node, Hook.FROM_POD, frame, pod)


def opening(node: Node, length: int) -> Iterator[int]:
    """One packet again and again, its window fresh each time: it is no replay."""
    sealed = OVER_V4.inbound.sealed(udp(OVER_V4.pod_v4, WEB_ADDRESS[4], length), 1, OVER_V4.remote, OVER_V4.local)
    frame = framed(sealed, source=PEER_MAC, destination=node.devices.uplink.mac)
    while True:
        node.datapath.add_inbound(OVER_V4.inbound, OVER_V4.number, REMOTE_WEB)
        yield nanoseconds(node, Hook.FROM_UPLINK, frame, node.devices.uplink)


def nanoseconds(node: Node, hook: Hook, frame: bytes, device: Device) -> int:
    outcome = node.datapath.program(hook).run(frame, SKBContext(ifindex=device.index, ingress_ifindex=device.index))
    if VERDICTS[outcome.verdict] != Verdict.REDIRECT:
        raise SystemExit(f"{hook.name} does not let a packet of {len(frame)} bytes pass")
    return outcome.nanoseconds


def udp(source: str, destination: str, length: int) -> bytes:
    return bytes(ip_header(source, destination) / UDP(sport=4000, dport=5000) / bytes(length - HEADERS))


def report(hook: Hook, length: int, turns: Iterator[int]) -> None:
    print(hook.name.lower(), length, round(statistics.median(next(turns) for _ in range(TURNS))))


if __name__ == "__main__":
    main()
