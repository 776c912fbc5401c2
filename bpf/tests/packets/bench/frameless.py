# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""A wire between devices without frames, as tunnels and point-to-point links are."""

import fcntl
import os
import select
import struct
import threading

from harness.lifetime import Run
from harness.topology import Node, TwoNodes

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
DEVICE = "tun0"
PACKET_MAX = 1 << 16


class FramelessWire:
    """Takes the place of both nodes' uplinks; what passes is kept."""

    def __init__(self, run: Run, net: TwoNodes) -> None:
        self.packets: list[bytes] = []
        self._ends = {node.name: self._replace_uplink(node) for node in (net.a, net.b)}
        for here, there in ((net.a, net.b), (net.b, net.a)):
            _route(here, there)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()
        run.at_end(self._stop)

    def inject(self, node: Node, packet: bytes) -> None:
        """A packet off the wire, from nobody."""
        os.write(self._ends[node.name], packet)

    def _replace_uplink(self, node: Node) -> int:
        node.namespace.ip("link", "delete", node.uplink)
        node.uplink = DEVICE
        end = node.namespace.inside(_open_tun)
        node.namespace.batch(
            f"address add {node.v4}/24 dev {DEVICE}", f"address add {node.v6}/64 dev {DEVICE} nodad",
            f"link set {DEVICE} mtu 1500 up",
        )
        return end

    def _carry(self) -> None:
        ends = list(self._ends.values())
        other = dict(zip(ends, reversed(ends)))
        while not self._stopping.is_set():
            for end in select.select(ends, [], [], 0.1)[0]:
                packet = os.read(end, PACKET_MAX)
                self.packets.append(packet)
                os.write(other[end], packet)

    def _stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        for end in self._ends.values():
            os.close(end)


def _open_tun() -> int:
    end = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
    return end


def _route(here: Node, there: Node) -> None:
    """What went with the device."""
    here.namespace.batch(
        f"route replace {there.pod_prefix_v4} dev {DEVICE}", f"route replace {there.pod_prefix_v6} dev {DEVICE}"
    )
