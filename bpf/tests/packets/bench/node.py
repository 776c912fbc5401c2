# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""A node with two pods and two peers, one reached over IPv4 and one over IPv6, as the cases start from it."""

from dataclasses import dataclass
from typing import Optional

from scapy.layers.l2 import Ether
from scapy.packet import Packet

from . import machine
from .abi import Hook, Stamp
from .datapath import FOREIGN_MARK, MARK_SHIFT, Datapath, Result
from .esp import SA
from .machine import Device, Machine

PROTECTED = ("10.42.0.0/16", "fd42::/48")
WEB, DB, REMOTE_WEB, OTHER = 300, 301, 400, 401
ETHERTYPES = {4: 0x0800, 6: 0x86DD}


@dataclass(frozen=True)
class FarNode:
    """A peer, its endpoint and ours, the pod there, and the SAs with it."""

    number: int
    local: str
    remote: str
    pod_v4: str
    pod_v6: str
    outbound: SA
    inbound: SA

    @property
    def outer(self) -> int:
        """The version of the packets on the wire."""
        return 6 if ":" in self.remote else 4

    def pod(self, family: int) -> str:
        return self.pod_v4 if family == 4 else self.pod_v6


OVER_V4 = FarNode(1, machine.NODE_V4, machine.PEER_V4, "10.42.2.10", "fd42:0:0:2::10", SA.of(0x1005), SA.of(0x2005))
OVER_V6 = FarNode(2, machine.NODE_V6, machine.PEER_V6, "10.42.3.10", "fd42:0:0:3::10", SA.of(0x1006), SA.of(0x2006))
PEERS = {4: OVER_V4, 6: OVER_V6}
# A peer that no SA leads to, and a pod there.
STRANGER, STRANGER_V4 = 3, "192.0.2.13"
WITHOUT_SESSION = {4: "10.42.4.10", 6: "fd42:0:0:4::10"}
UNKNOWN = {4: "10.42.9.9", 6: "fd42:0:0:9::9"}
WORLD = {4: "198.51.100.7", 6: "2001:db8:ffff::7"}
WEB_ADDRESS = {4: machine.WEB_V4, 6: machine.WEB_V6}
DB_ADDRESS = {4: machine.DB_V4, 6: machine.DB_V6}
NODE_ADDRESS = {4: machine.NODE_V4, 6: machine.NODE_V6}


class Node:
    """The machine and the datapath as one; every packet is an IP packet, frames are made here."""

    def __init__(self, devices: Machine, datapath: Datapath) -> None:
        self.devices, self.datapath = devices, datapath
        datapath.reset()
        datapath.configure()
        datapath.protect(*PROTECTED)
        datapath.add_pod(devices.web.index, devices.web.far_mac, WEB, *WEB_ADDRESS.values())
        datapath.add_pod(devices.db.index, devices.db.far_mac, DB, *DB_ADDRESS.values())
        for peer in PEERS.values():
            self._add_peer(peer)
        datapath.add_peer(STRANGER, machine.NODE_V4, STRANGER_V4)
        for family in (4, 6):
            datapath.add_remote(WITHOUT_SESSION[family], STRANGER, OTHER)

    def from_pod(
        self, packet: Packet | bytes, pod: Optional[Device] = None, mark: int = FOREIGN_MARK, **context: int
    ) -> Result:
        """A packet as web, or another pod, sends it."""
        pod = pod or self.devices.web
        frame = framed(packet, source=pod.far_mac, destination=pod.mac)
        return self.datapath.run(Hook.FROM_POD, frame, pod.index, mark, ingress_ifindex=pod.index, **context)

    def to_uplink(
        self, packet: Packet | bytes, stamp: Stamp = Stamp.NONE, ingress: Optional[Device] = None, **context: int
    ) -> Result:
        """A packet on its way out; made by this host when there is no device by which it came."""
        frame = framed(packet, source=self.devices.uplink.mac, destination=machine.PEER_MAC)
        return self.datapath.run(
            Hook.TO_UPLINK, frame, self.devices.uplink.index, marked(stamp),
            ingress_ifindex=ingress.index if ingress else 0, **context,
        )

    def from_uplink(
        self, packet: Packet | bytes, mark: int = FOREIGN_MARK, trailer: bytes = b"", **context: int
    ) -> Result:
        """A packet off the wire, with what Ethernet may add behind it."""
        uplink = self.devices.uplink
        frame = framed(packet, source=machine.PEER_MAC, destination=uplink.mac) + trailer
        return self.datapath.run(Hook.FROM_UPLINK, frame, uplink.index, mark, ingress_ifindex=uplink.index, **context)

    def to_pod(
        self, packet: Packet | bytes, stamp: Stamp = Stamp.NONE, ingress: Optional[Device] = None,
        pod: Optional[Device] = None,
    ) -> Result:
        """A packet about to be delivered to web, or another pod."""
        pod = pod or self.devices.web
        frame = framed(packet, source=pod.mac, destination=pod.far_mac)
        return self.datapath.run(
            Hook.TO_POD, frame, pod.index, marked(stamp), ingress_ifindex=ingress.index if ingress else 0
        )

    def _add_peer(self, peer: FarNode) -> None:
        self.datapath.add_peer(peer.number, peer.local, peer.remote)
        self.datapath.add_outbound(peer.outbound, peer.number, WEB)
        self.datapath.add_inbound(peer.inbound, peer.number, REMOTE_WEB)
        for address in (peer.pod_v4, peer.pod_v6):
            self.datapath.add_remote(address, peer.number, REMOTE_WEB)
            self.datapath.bind(address, peer.number, REMOTE_WEB)


def marked(stamp: Stamp) -> int:
    """A mark with our stamp and others' bits."""
    return FOREIGN_MARK | stamp << MARK_SHIFT


def framed(packet: Packet | bytes, source: str, destination: str) -> bytes:
    """The packet's frame; a packet that has an Ethernet header keeps it."""
    if isinstance(packet, Ether):
        return bytes(packet)
    packet = bytes(packet)
    version = packet[0] >> 4 if packet else 4
    return bytes(Ether(src=source, dst=destination, type=ETHERTYPES.get(version, 0x0800))) + packet
