# SPDX-License-Identifier: Apache-2.0
"""Tells frames of TCP over IPv4 by a port, and has some of them get lost."""

import contextlib
from typing import Iterator

from .namespaces import Namespace
from .packets import ETHERNET, TCP, TYPE_IPV4

# What tc does with a frame (linux/pkt_cls.h).
TC_ACT_SHOT, TC_ACT_UNSPEC = 2, 0xFFFFFFFF

Program = list[tuple[int, int, int, int]]


def frames(port: int, match: int, other: int, towards_only: bool = False) -> Program:
    """Classic BPF: TCP over IPv4 to or from the port gives `match`, everything else `other`."""
    load_half, load_byte, load_half_at_x, load_x_header, equal, answer = 0x28, 0x30, 0x48, 0xB1, 0x15, 0x06
    ports = [(load_half_at_x, 0, 0, ETHERNET), (equal, 2, 0, port)] if not towards_only else []
    ports += [(load_half_at_x, 0, 0, ETHERNET + 2), (equal, 0, 1, port)]
    rest = len(ports) + 1
    return [
        (load_half, 0, 0, 12), (equal, 0, rest + 3, TYPE_IPV4), (load_byte, 0, 0, ETHERNET + 9), (equal, 0, rest + 1, TCP),
        (load_x_header, 0, 0, ETHERNET), *ports, (answer, 0, 0, match), (answer, 0, 0, other),
    ]


@contextlib.contextmanager
def dropped(namespace: Namespace, device: str, direction: str, program: Program) -> Iterator[None]:
    """While it lasts, the device loses what the program says; `direction` is ingress or egress."""
    words = f"{len(program)},{','.join(' '.join(map(str, step)) for step in program)}"
    namespace.run("tc", "qdisc", "add", "dev", device, "clsact")
    try:
        namespace.run("tc", "filter", "add", "dev", device, direction, "bpf", "bytecode", words, "direct-action")
        yield
    finally:
        namespace.run("tc", "qdisc", "delete", "dev", device, "clsact")


@contextlib.contextmanager
def unheard(namespace: Namespace, devices: tuple[str, ...], port: int) -> Iterator[None]:
    """While it lasts, what its programs send to a port of whatever machine gets lost."""
    program = frames(port, TC_ACT_SHOT, TC_ACT_UNSPEC, towards_only=True)
    with contextlib.ExitStack() as stack:
        for device in devices:
            stack.enter_context(dropped(namespace, device, "egress", program))
        yield
