# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""ARP and neighbour discovery as a pod says them."""

from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from .node import Node

BROADCAST, ALL_NODES = "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"


def arp(node: Node, operation: int, sender: str, target: str, hardware: str = "", **fields: int) -> Packet:
    """Says `sender` from web's address, or claims another's by `hardware`."""
    mac = node.devices.web.far_mac
    packet = ARP(op=operation, hwsrc=hardware or mac, psrc=sender, hwdst="00:00:00:00:00:00", pdst=target, **fields)
    return Ether(src=mac, dst=BROADCAST) / packet


def nd(node: Node, source: str, message: Packet, destination: str = "ff02::1", hop_limit: int = 255) -> Packet:
    return (
        Ether(src=node.devices.web.far_mac, dst=ALL_NODES) / IPv6(src=source, dst=destination, hlim=hop_limit) / message
    )


def solicitation(node: Node, source: str, target: str, **fields: int) -> Packet:
    message = ICMPv6ND_NS(tgt=target)
    if source != "::":
        message /= ICMPv6NDOptSrcLLAddr(lladdr=node.devices.web.far_mac)
    return nd(node, source, message, **fields)


def advertisement(node: Node, source: str, target: str, **fields: int) -> Packet:
    message = ICMPv6ND_NA(tgt=target, R=0) / ICMPv6NDOptDstLLAddr(lladdr=node.devices.web.far_mac)
    return nd(node, source, message, **fields)
