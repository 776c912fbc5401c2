# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""A node's devices in a network namespace of this process alone, gone with it.

```
    web-eth0 ── web ─┐
                     ├ this namespace ── uplink ── wire
    db-eth0 ─── db ──┘
```

All ends lie in the one namespace: programs only decide here, nothing travels.
"""

import ctypes
import json
import os
import subprocess
import time
from dataclasses import dataclass

CLONE_NEWNET = 0x40000000

NODE_V4, NODE_V6 = "192.0.2.11", "2001:db8:0:1::11"
# Of this node as well, and of no peer's making.
SPARE_V4, SPARE_V6 = "192.0.2.111", "2001:db8:0:1::111"
PEER_V4, PEER_V6 = "192.0.2.12", "2001:db8:0:1::12"
# On the uplink's network and without an entry in the neighbour table.
SILENT_V4 = "192.0.2.77"
GATEWAY_V4, GATEWAY_V6 = "10.42.1.1", "fe80::1"
WEB_V4, WEB_V6 = "10.42.1.10", "fd42:0:0:1::10"
DB_V4, DB_V6 = "10.42.1.20", "fd42:0:0:1::20"
# Large: what fits is to be the peer's affair in these cases, not the devices'.
MTU = 9000
PEER_MAC = "02:00:00:00:00:12"

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Device:
    """One end of a veth pair, and the address of the other end."""

    name: str
    index: int
    mac: str
    far_mac: str


class Machine:
    def __init__(self) -> None:
        if _libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare of the network namespace")
        _sysctl("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv6.conf.default.accept_dad=0")
        _ip("link set lo up")
        self.uplink = self._pair("uplink", "wire")
        self.web = self._pair("web", "web-eth0")
        self.db = self._pair("db", "db-eth0")
        _ip(
            f"address add {NODE_V4}/24 dev uplink", f"address add {NODE_V6}/64 dev uplink nodad",
            f"address add {SPARE_V4}/32 dev uplink", f"address add {SPARE_V6}/128 dev uplink nodad",
            f"neighbour add {PEER_V4} lladdr {PEER_MAC} dev uplink nud permanent",
            f"neighbour add {PEER_V6} lladdr {PEER_MAC} dev uplink nud permanent",
            f"route add default via {PEER_V4} dev uplink", f"route add default via {PEER_V6} dev uplink",
        )
        self._give(self.web, WEB_V4, WEB_V6)
        self._give(self.db, DB_V4, DB_V6)
        _wait_for_local_routes(NODE_V6, SPARE_V6, GATEWAY_V6)

    @staticmethod
    def route(action: str, text: str) -> None:
        """`ip route ACTION TEXT`, for cases about routes."""
        _ip(f"route {action} {text}")

    def _pair(self, near: str, far: str) -> Device:
        _ip(
            f"link add {near} mtu {MTU} type veth peer name {far}", f"link set {near} up",
            f"link set {far} mtu {MTU} up",
        )
        links = {link["ifname"]: link for link in json.loads(_run("ip", "-json", "link", "show"))}
        return Device(near, links[near]["ifindex"], links[near]["address"], links[far]["address"])

    def _give(self, pod: Device, v4: str, v6: str) -> None:
        _ip(
            f"address add {GATEWAY_V4}/32 dev {pod.name}", f"address add {GATEWAY_V6}/64 dev {pod.name} nodad",
            f"route add {v4}/32 dev {pod.name}", f"route add {v6}/128 dev {pod.name}",
            f"neighbour add {v4} lladdr {pod.far_mac} dev {pod.name} nud permanent",
            f"neighbour add {v6} lladdr {pod.far_mac} dev {pod.name} nud permanent",
        )


def _wait_for_local_routes(*addresses: str) -> None:
    """The kernel makes those of IPv6 addresses a little later than the addresses."""
    while not set(addresses) <= set(_run("ip", "-6", "route", "show", "table", "local").split()):
        time.sleep(0.01)


def _run(*command: str, stdin: str = "") -> str:
    return subprocess.run(command, input=stdin, check=True, capture_output=True, text=True, env=os.environ).stdout


def _ip(*lines: str) -> None:
    _run("ip", "-batch", "-", stdin="\n".join(lines) + "\n")


def _sysctl(*settings: str) -> None:
    _run("sysctl", "--quiet", *settings)
